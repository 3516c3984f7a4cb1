//! The page that shows the description of the API.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::door::{Door, parse};

/// What the page says it loads, by the values of `src` and `href`.
fn loaded(page: &str) -> Vec<&str> {
    let values = ["src=\"", "href=\""].into_iter().flat_map(|name| page.split(name).skip(1));
    values.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_page_of_the_api_loads_what_the_exchange_has_and_nothing_else() {
    let door = Door::open().await;
    let page = door.get("/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let loaded = loaded(&page.body);
    assert!(loaded.contains(&"/docs/start.js"), "{loaded:?}");
    for address in loaded.iter().filter(|address| **address != "data:,") {
        let mut stream = TcpStream::connect(door.addresses().api).await.unwrap();
        let request = format!("GET {address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end_of_head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = parse(std::str::from_utf8(&bytes[..end_of_head]).unwrap());
        assert_eq!(head.status, 200, "{address}");
        let is_packed = bytes[end_of_head..].starts_with(&[0x1f, 0x8b]);
        let told = head.header("content-encoding") == Some("gzip");
        assert_eq!(is_packed, told, "{address}");
        assert_eq!(head.header("x-content-type-options"), Some("nosniff"), "{address}");
    }
    door.close().await;
}

#[tokio::test]
async fn no_script_and_no_style_stands_in_the_page_itself() {
    let door = Door::open().await;
    let page = door.get("/docs").await.body;
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"") && script.contains("\"></script>"), "{script}");
    }
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" on"));
    door.close().await;
}
