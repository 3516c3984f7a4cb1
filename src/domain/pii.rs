//! The wrapper that keeps a consumer's data inside its type.

use zeroize::Zeroize;

/// A value that says something about a consumer.
///
/// It has no `Debug`, no `Display` and no `Serialize`, so it cannot slip into a log line, an error,
/// a panic or a body by accident. Reading it is always a visible call to [`Pii::expose`], and
/// `tests/tidy.rs` lists the modules that may make that call.
#[derive(Clone, PartialEq, Eq)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps `value`; from here on it is read through [`Pii::expose`] only.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value for a step that owns it from now on.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T: Zeroize> Zeroize for Pii<T> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
