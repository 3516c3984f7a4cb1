//! Facts from bare tokens, which also reach into the arguments of macros.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::{LintLevel, Named, PathUse, StringCall};

/// Words after which a path may start with `::`.
const KEYWORDS: [&str; 14] = [
    "as", "break", "dyn", "else", "for", "if", "impl", "in", "match", "move", "mut", "return",
    "where", "while",
];

/// Macros that write a log line.
const LOG_MACROS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What tokens say.
#[derive(Debug, Default)]
pub struct Said {
    /// Paths of at least two segments; of a path through generics (`Vec::<u8>::new`) its start.
    pub paths: Vec<PathUse>,
    /// `.name(` and `.name::<T>(`.
    pub method_calls: Vec<Named>,
    /// `name!`.
    pub macros: Vec<Named>,
    /// `name("..", ..)`.
    pub string_calls: Vec<StringCall>,
    /// Fields of log lines: `tracing::info!(field, other = %value, "message")`.
    pub log_fields: Vec<Named>,
}

impl Said {
    /// Adds what `stream` says, groups included.
    pub fn read(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(name) => self.read_name(&tokens, at, name),
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Literal(literal) => {
                    self.read_text(&literal.to_string(), literal.span().start().line);
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn read_name(&mut self, tokens: &[TokenTree], at: usize, name: &Ident) {
        let line = name.span().start().line;
        let is_followed_by = |offset, mark| is_mark(tokens.get(at + offset), mark);
        if is_followed_by(1, '!') && !is_followed_by(2, '=') {
            self.macros.push(Named { name: name.to_string(), line });
            if let Some(TokenTree::Group(arguments)) = tokens.get(at + 2)
                && LOG_MACROS.iter().any(|known| name == known)
            {
                self.log_fields.extend(log_fields(arguments.stream()));
            }
        }
        let is_path = is_followed_by(1, ':') && is_followed_by(2, ':');
        let is_member = at > 0 && is_mark(tokens.get(at - 1), '.');
        let arguments = match tokens.get(at + 1) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                Some(group.stream())
            }
            _ => None,
        };
        if is_member && (arguments.is_some() || is_path) {
            self.method_calls.push(Named { name: name.to_string(), line });
        }
        if let Some(TokenTree::Literal(first)) = arguments.and_then(|list| list.into_iter().next())
            && let Some(argument) = text_of(&first.to_string())
        {
            self.string_calls.push(StringCall { callee: name.to_string(), argument, line });
        }
        if is_path && !is_member && !is_keyword(name) && starts_path(tokens, at) {
            self.paths.push(PathUse { segments: segments_from(tokens, at), line });
        }
    }

    /// A string may be a path that a derive turns into code.
    fn read_text(&mut self, literal: &str, line: usize) {
        let Some(text) = text_of(literal) else { return };
        if text.starts_with("crate::") || text.starts_with("super::") {
            self.paths
                .push(PathUse { segments: text.split("::").map(str::to_owned).collect(), line });
        }
    }
}

/// The text of a plain string literal.
fn text_of(literal: &str) -> Option<String> {
    Some(literal.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// The names of the fields among a log macro's arguments, which end at its message.
fn log_fields(arguments: TokenStream) -> Vec<Named> {
    let mut fields = Vec::new();
    let mut is_start = true;
    for token in arguments {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ',' => is_start = true,
            TokenTree::Punct(mark) if is_start && "%?".contains(mark.as_char()) => {}
            TokenTree::Literal(_) if is_start => break,
            TokenTree::Ident(name) if is_start => {
                let line = name.span().start().line;
                fields.push(Named { name: name.to_string(), line });
                is_start = false;
            }
            _ => is_start = false,
        }
    }
    fields
}

fn is_keyword(name: &Ident) -> bool {
    KEYWORDS.iter().any(|keyword| name == keyword)
}

/// Is the name at `at` the first of its path?
fn starts_path(tokens: &[TokenTree], at: usize) -> bool {
    let is_after_colons =
        at >= 2 && is_mark(tokens.get(at - 1), ':') && is_mark(tokens.get(at - 2), ':');
    if !is_after_colons {
        return true;
    }
    match at.checked_sub(3).and_then(|before| tokens.get(before)) {
        Some(TokenTree::Ident(name)) => is_keyword(name),
        Some(TokenTree::Punct(punct)) => punct.as_char() != '>',
        Some(TokenTree::Literal(_) | TokenTree::Group(_)) | None => true,
    }
}

fn segments_from(tokens: &[TokenTree], start: usize) -> Vec<String> {
    let mut segments = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        segments.push(name.to_string());
        if !(is_mark(tokens.get(at + 1), ':') && is_mark(tokens.get(at + 2), ':')) {
            break;
        }
        at += 3;
    }
    segments
}

/// Every `allow` and `expect` attribute, also inside `cfg_attr`.
pub fn lint_levels(stream: TokenStream) -> Vec<LintLevel> {
    let mut levels = Vec::new();
    add_lint_levels(stream, false, &mut levels);
    levels
}

fn add_lint_levels(stream: TokenStream, in_attribute: bool, levels: &mut Vec<LintLevel>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let is_attribute = group.delimiter() == Delimiter::Bracket
            && (is_mark(before, '#')
                || (at >= 2 && is_mark(before, '!') && is_mark(tokens.get(at - 2), '#')));
        if let Some(TokenTree::Ident(level)) = before
            && in_attribute
            && (level == "allow" || level == "expect")
        {
            let mut inside = group.stream().into_iter();
            let has_reason =
                inside.any(|token| matches!(token, TokenTree::Ident(name) if name == "reason"));
            let line = level.span().start().line;
            levels.push(LintLevel { level: level.to_string(), line, has_reason });
        }
        add_lint_levels(group.stream(), in_attribute || is_attribute, levels);
    }
}
