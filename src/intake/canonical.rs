//! The bytes by which two submissions are the same: for fingerprints and automatic keys.
//!
//! They are the document with sorted keys, one spelling of every text and no white space. `wait_ms`
//! is left out: how long a vendor waits does not change what it submits. What a value means is not
//! looked at, so a form and a JSON body of the same lead differ, and so do `1` and `1.0`.

use super::document::Node;

/// The canonical bytes of a parsed body.
#[must_use]
pub fn canonical(body: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    match body {
        Node::Object(entries) => {
            let kept = entries.iter().filter(|(key, _)| key != "wait_ms");
            object(kept.collect(), &mut out);
        }
        other => node(other, &mut out),
    }
    out
}

fn node(value: &Node, out: &mut Vec<u8>) {
    match value {
        Node::Null => out.extend_from_slice(b"null"),
        Node::Bool(true) => out.extend_from_slice(b"true"),
        Node::Bool(false) => out.extend_from_slice(b"false"),
        Node::Number(number) => out.extend_from_slice(number.as_bytes()),
        Node::Text(value) => text(value, out),
        Node::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                node(item, out);
            }
            out.push(b']');
        }
        Node::Object(entries) => object(entries.iter().collect(), out),
    }
}

fn object(mut entries: Vec<&(String, Node)>, out: &mut Vec<u8>) {
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    out.push(b'{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(key, out);
        out.push(b':');
        node(value, out);
    }
    out.push(b'}');
}

/// One spelling per text: only what JSON demands is escaped.
fn text(value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
