use super::*;
use proptest::prelude::*;

fn terms() -> BidTerms<'static> {
    BidTerms {
        currency: "USD",
        max_bid: Some(Money::parse("40.00").unwrap()),
        bid_max: Money::parse("100000").unwrap(),
        offers_shared: false,
    }
}

fn read_body(status: u16, body: &str) -> Result<Vec<String>, NoBid> {
    let reply = RawReply { status, content_encoding: None, body: body.as_bytes() };
    let bids = read(reply, terms())?;
    Ok(bids.into_iter().map(|bid| bid.price.to_string()).collect())
}

#[test]
fn every_reply_is_bids_or_one_reason() {
    let check = |status: u16, body: &str, expect: Result<&[&str], NoBid>| {
        let found = read_body(status, body);
        let expect = expect.map(|prices| prices.iter().map(|&price| price.to_owned()).collect());
        assert_eq!(found, expect, "{status} {body}");
    };
    check(200, r#"{"bid":{"price":"24.50"}}"#, Ok(&["24.50"]));
    check(200, r#"{"bid":{"price":24.5,"currency":"USD","seats":"exclusive"}}"#, Ok(&["24.50"]));
    check(200, r#"{"bids":[{"price":"1"},{"price":"41"},{"price":"2"}]}"#, Ok(&["1.00", "2.00"]));
    check(200, r#"{"bid":null,"reason":"full"}"#, Err(NoBid::Declined));
    check(200, r#"{"bids":[]}"#, Err(NoBid::Declined));
    check(204, "", Err(NoBid::Declined));
    check(200, "", Err(NoBid::Empty));
    check(200, " \n", Err(NoBid::Empty));
    check(200, "{}", Err(NoBid::Malformed));
    check(200, "[]", Err(NoBid::Malformed));
    check(200, "<bid>3</bid>", Err(NoBid::Malformed));
    check(200, r#"{"bid":{"price":"1"},"bids":[]}"#, Err(NoBid::Malformed));
    check(200, r#"{"bid":{"price":"1","seats":"all"}}"#, Err(NoBid::Malformed));
    check(200, r#"{"bid":{}}"#, Err(NoBid::Malformed));
    check(302, r#"{"bid":{"price":"24.50"}}"#, Err(NoBid::Redirect));
    check(500, r#"{"bid":{"price":"24.50"}}"#, Err(NoBid::HttpStatus));
    check(201, r#"{"bid":{"price":"24.50"}}"#, Err(NoBid::HttpStatus));
    check(200, r#"{"bid":{"price":"40.01"}}"#, Err(NoBid::AboveMaxBid));
    check(200, r#"{"bid":{"price":"100000.01"}}"#, Err(NoBid::InvalidPrice));
    check(200, r#"{"bid":{"price":"9","currency":"EUR"}}"#, Err(NoBid::OtherCurrency));
    check(
        200,
        r#"{"bid":{"price":"9","seats":"shared","max_shared":3}}"#,
        Err(NoBid::SeatsNotOffered),
    );
}

#[test]
fn only_a_plain_positive_amount_is_a_price() {
    for price in [
        "0",
        "\"0.00\"",
        "-1",
        "\"-1\"",
        "1e1",
        "\"1e1\"",
        "1.00001",
        "\"1.00001\"",
        "null",
        "true",
        "\"NaN\"",
        "\"\"",
        "\"$5\"",
        "[1]",
        "99999999999999999999",
        "\"5",
    ] {
        let found = read_body(200, &format!(r#"{{"bid":{{"price":{price}}}}}"#));
        assert!(matches!(found, Err(NoBid::InvalidPrice | NoBid::Malformed)), "{price}: {found:?}");
    }
    assert_eq!(read_body(200, r#"{"bid":{"price":NaN}}"#), Err(NoBid::Malformed));
}

#[test]
fn a_compressed_reply_is_not_read() {
    let reply = RawReply { status: 200, content_encoding: Some("gzip"), body: b"{}" };
    assert_eq!(read(reply, terms()), Err(NoBid::Compressed));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(status in 100u16..600, body: Vec<u8>) {
        let _ = read(RawReply { status, content_encoding: None, body: &body }, terms());
    }

    #[test]
    fn a_bid_is_never_above_the_ceiling(price in "[0-9]{0,7}(\\.[0-9]{0,5})?") {
        let body = format!(r#"{{"bid":{{"price":"{price}"}}}}"#);
        let reply = RawReply { status: 200, content_encoding: None, body: body.as_bytes() };
        for bid in read(reply, terms()).unwrap_or_default() {
            prop_assert!(Money::ZERO < bid.price && Some(bid.price) <= terms().max_bid);
        }
    }
}
