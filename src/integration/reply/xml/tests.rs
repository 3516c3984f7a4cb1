use proptest::prelude::*;

use super::*;

/// What a path finds, as texts; `!` for a broken document.
fn found(text: &str, path: &str) -> Vec<String> {
    let path = XmlPath::parse(path).unwrap_or_else(|fault| panic!("{path}: {fault:?}"));
    let Ok(tree) = XmlTree::read(text) else { return vec!["!".to_owned()] };
    let places = path.select(&tree, XmlTree::ROOT).unwrap();
    assert_eq!(path.first(&tree, XmlTree::ROOT), Ok(places.first().copied()));
    let text = |place: XmlPlace| tree.text(place).map_or("nil".to_owned(), Cow::into_owned);
    places.into_iter().map(text).collect()
}

const REPLY: &str = r#"<?xml version="1.0"?><!-- a reply -->
<s:Reply xmlns:s="urn:x" kind="bid">
  <Status code="1" ns:hint='a&amp;b'> Matched &lt;ok&gt; &copy; </Status>
  <Bids><Bid id="a"><Price>3.10</Price></Bid><Bid id="b"><Price>4.00</Price><Tag/></Bid></Bids>
  <Reason><![CDATA[<none> & ]]>at all</Reason><Empty></Empty><Nil xsi:nil="true"/>
</s:Reply>"#;

#[test]
fn paths_find_what_they_name() {
    let check = |path: &str, expect: &[&str]| assert_eq!(found(REPLY, path), expect, "{path}");
    check("/Reply/Status", &["Matched <ok> &copy;"]);
    check("/x:Reply/y:Status", &["Matched <ok> &copy;"]);
    check("/Reply/@kind", &["bid"]);
    check("/Reply/Status/@hint", &["a&b"]);
    check("/Reply/Status/@*", &["1", "a&b"]);
    check("/Reply/Reason", &["<none> & at all"]);
    check("/Reply/Empty", &[""]);
    check("/Reply/Nil", &["nil"]);
    check("/Reply/Missing", &[]);
    check("/Status", &[]);
    check("//Price", &["3.10", "4.00"]);
    check("//Bid[2]/Price", &["4.00"]);
    check("//Bid[last()]/@id", &["b"]);
    check("//Bid[3]", &[]);
    check("/Reply/Bids/Bid[@id='b']/Price", &["4.00"]);
    check("/Reply/Bids/Bid[@id='b'][1]/Price", &["4.00"]);
    check("/Reply/Bids/Bid[Price = '3.10']/@id", &["a"]);
    check("/Reply/Bids/Bid[Price > 3.5]/@id", &["b"]);
    check("/Reply/Bids/Bid[Price<=3.1]/@id", &["a"]);
    check("/Reply/Bids/Bid[Price != 4]/@id", &["a"]);
    check("/Reply/Bids/Bid[Tag]/@id", &["b"]);
    check("/Reply/Bids/Bid/Price[.='4.00']/../@id", &["b"]);
    check("/Reply/*[@code]", &["Matched <ok> &copy;"]);
    check("/*/Bids/*/@id", &["a", "b"]);
    check("//@id", &["a", "b"]);
    check("//Bid[@id='a'][Price='4.00']", &[]);
    check("/Reply/Bids", &["3.10 4.00"]);
    check("/Reply/Bids/text()", &[]);
    check("/..", &[]);
}

#[test]
fn pieces_of_documents_are_read() {
    let check = |text: &str, path: &str, expect: &[&str]| {
        assert_eq!(found(text, path), expect, "{text} {path}");
    };
    check("<a>1</a><b>2</b>", "/b", &["2"]);
    check("<status>rejected</status>Reason here", "/text()", &["Reason here"]);
    check("<r><status>no</status> why <b>not</b></r>", "/r/text()", &["why"]);
    check("<r>a<!-- x -->b<c/>d</r>", "/r", &["ab d"]);
    check("junk <a/>", "/a", &[""]);
    check("\u{feff}<a>1</a>", "/a", &["1"]);
    check("<a\n b = '1'\tc=\"2>\"\n/>", "/a/@c", &["2>"]);
    check("<a></a >", "/a", &[""]);
    check("<soap:a><soap:b>1</soap:b></soap:a>", "/a/b", &["1"]);
    check("<é à='1'>x</é>", "/é/@à", &["1"]);
}

#[test]
fn what_is_not_well_formed_is_broken() {
    let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    let attributes = |count: usize| {
        let each = (0..count).map(|at| format!(" a{at}='1'")).collect::<String>();
        format!("<a{each}/>")
    };
    assert_eq!(found(&deep(DEPTH_MAX), "/a").len(), 1);
    assert_eq!(found(&attributes(ATTRIBUTES_MAX), "/a").len(), 1);
    assert_eq!(found(&"<a/>".repeat(NODES_MAX), "/a").len(), 256);
    for text in [
        "",
        "no element",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a",
        "<a b>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a>1 < 2</a>",
        "< a/>",
        "<1/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!doctype html><html></html>",
        "<a><!-- </a>",
        "<a><![CDATA[ </a>",
        "<?xml",
        &deep(DEPTH_MAX + 1),
        &deep(20_000),
        &attributes(ATTRIBUTES_MAX + 1),
        &"<a/>".repeat(NODES_MAX + 1),
    ] {
        assert_eq!(found(text, "//a"), ["!"], "{text:.60}");
    }
}

#[test]
fn a_path_that_cannot_be_read_says_where_and_what_to_write() {
    let check = |path: &str, at: usize, message: &str| {
        let fault = XmlPath::parse(path).expect_err(path);
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{path}");
        assert!(!fault.hint.is_empty());
    };
    check("", 0, "an XML path begins with `/` or `.`");
    check("a/b", 0, "an XML path begins with `/` or `.`");
    check("/", 1, "a name is missing");
    check("/a/", 3, "a name is missing");
    check("/a b", 2, "not a step of an XML path");
    check("//a//b", 5, "`//` stands twice");
    check("/a[", 3, "a name is missing");
    check("/a[0]", 4, "not a position");
    check("/a[b='c'", 8, "`]` is missing");
    check("/a[b='c' and d]", 9, "`]` is missing");
    check("/a[b=c]", 5, "not a number");
    check("/a[../b]", 5, "`..` in a predicate");
    check("/a[b/../c]", 9, "`..` in a predicate");
    check("/a/b|/c", 4, "not a step of an XML path");
    check("/a[contains(b,'c')]", 11, "`]` is missing");
    check(&"/a".repeat(33), 66, "too many steps");
}

proptest! {
    #[test]
    fn no_path_and_no_text_make_reading_panic(
        path in "[/.]([/@*a.:=!<>'0-9 \\[\\]]|text\\(\\)|last\\(\\)){0,16}",
        text in "([<>/a='\"&;! -]|<a>|</a>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?|\\?>|\\PC){0,24}",
    ) {
        if let (Ok(path), Ok(tree)) = (XmlPath::parse(&path), XmlTree::read(&text)) {
            let places = path.select(&tree, XmlTree::ROOT).unwrap();
            prop_assert_eq!(path.first(&tree, XmlTree::ROOT), Ok(places.first().copied()));
            for place in places {
                tree.text(place);
            }
        }
    }

    #[test]
    fn a_written_document_reads_as_itself(texts in prop::collection::vec("\\PC{0,12}", 1..6)) {
        let escape = |text: &str| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
        };
        let items: String = texts
            .iter()
            .map(|text| format!("<i v=\"{0}\">{0}</i>", escape(text)))
            .collect();
        let document = format!("<r>{items}</r>");
        let trimmed: Vec<&str> = texts.iter().map(|text| text.trim()).collect();
        prop_assert_eq!(found(&document, "/r/i"), trimmed);
        prop_assert_eq!(found(&document, "/r/i/@v"), texts);
    }
}
