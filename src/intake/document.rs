//! A body as a tree, parsed within limits: the only place that reads a vendor's raw bytes.
//!
//! The tree says nothing about meaning. Numbers keep the text they were written with, so that no
//! amount ever passes through a float; keys keep their order and are never doubled.

mod form;
mod json;

use serde::{Deserialize, Serialize};

use super::fault::{FaultCode, FaultKind, FieldFault, InvalidSubmission, Refusal};
use crate::domain::limits::Limits;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`, nested as `lead[zip]` or `lead.zip`.
    Form,
}

/// What one body may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentLimits {
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// The deepest nesting of objects and arrays; the body itself is the first level.
    pub depth: usize,
    /// The most keys in all objects together, or pairs of a form.
    pub keys: usize,
    /// The most values: items of arrays and values of keys together.
    pub values: usize,
    /// The longest text, in bytes after decoding.
    pub string_bytes: usize,
    /// The longest key, in bytes after decoding.
    pub key_bytes: usize,
    /// The longest number, in bytes.
    pub number_bytes: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            body_bytes: 262_144,
            depth: 32,
            keys: 512,
            values: 4_096,
            string_bytes: 8_192,
            key_bytes: 256,
            number_bytes: 64,
        }
    }
}

impl From<&Limits> for DocumentLimits {
    /// The limits of a body as the operator set them; what has no setting keeps its default.
    fn from(limits: &Limits) -> Self {
        Self {
            body_bytes: limits.body_bytes_max,
            depth: limits.json_depth_max,
            keys: limits.json_keys_max,
            string_bytes: limits.json_string_bytes_max,
            ..Self::default()
        }
    }
}

/// One value of a document. No `Debug`: it may say anything about a person.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub enum Node {
    /// JSON `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the text it was written with.
    Number(String),
    /// A text; every value of a form.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// An object: distinct keys in their order.
    Object(Vec<(String, Self)>),
}

/// Parses `bytes` into an object.
///
/// # Errors
/// [`InvalidSubmission`] of kind [`FaultKind::BodyTooLarge`] or [`FaultKind::MalformedBody`], with
/// the one fault that stopped the parser.
pub fn parse(
    content: ContentKind,
    bytes: &[u8],
    limits: &DocumentLimits,
) -> Result<Node, InvalidSubmission> {
    if bytes.len() > limits.body_bytes {
        let detail = format!("the body has at most {} bytes", limits.body_bytes);
        return Err(InvalidSubmission {
            kind: FaultKind::BodyTooLarge,
            errors: vec![Refusal::new(FaultCode::TooLong, &*detail).at(String::new())],
            detail,
        });
    }
    let parsed = match content {
        ContentKind::Json => json::parse(bytes, limits),
        ContentKind::Form => form::parse(bytes, limits),
    };
    parsed.map_err(|fault| InvalidSubmission {
        kind: FaultKind::MalformedBody,
        detail: format!("the body cannot be read: {}", fault.detail),
        errors: vec![fault],
    })
}

/// Checks a decoded key.
fn check_key(key: &str, pointer: &str, limits: &DocumentLimits) -> Result<(), FieldFault> {
    if key.is_empty() || key.len() > limits.key_bytes || key.contains('\0') {
        let rule = format!("a key has 1 to {} bytes and no NUL character", limits.key_bytes);
        return Err(Refusal::new(FaultCode::InvalidName, rule).at(pointer.to_owned()));
    }
    Ok(())
}

/// Checks a decoded text.
fn check_text(text: &str, pointer: &str, limits: &DocumentLimits) -> Result<(), FieldFault> {
    if text.len() > limits.string_bytes {
        let rule = format!("a text has at most {} bytes", limits.string_bytes);
        return Err(Refusal::new(FaultCode::TooLong, rule).at(pointer.to_owned()));
    }
    if text.contains('\0') {
        let rule = "a text has no NUL character";
        return Err(Refusal::new(FaultCode::InvalidCharacter, rule).at(pointer.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
