//! One attempt: signed anew, sent once, and judged by its status alone.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::flow::exchange::Exchange;
use crate::notify::retry::AttemptResult;
use crate::ports::buyer_wire::{CallClass, Callee, WireOutcome, WireRequest};
use crate::ports::records::events::DueEvent;
use crate::registry::endpoints::CompiledEndpoint;
use crate::signing;

/// An attempt that is over. Of the reply's body nothing is kept: what an endpoint says is its own.
pub(super) struct Attempted {
    pub(super) event: DueEvent,
    /// Where it was sent.
    pub(super) url: String,
    pub(super) at: Timestamp,
    pub(super) result: AttemptResult,
    pub(super) http_status: Option<u16>,
    pub(super) retry_after: Option<String>,
    pub(super) elapsed_ms: i64,
}

impl Exchange {
    /// Tells an endpoint of an event, once, under a fresh timestamp and signature.
    pub(super) async fn attempt(&self, event: DueEvent, to: &CompiledEndpoint) -> Attempted {
        let at = self.now();
        let id = event.event_id.to_string();
        let body = Bytes::from(event.body.clone());
        let ended = |event, result, http_status| Attempted {
            event,
            url: to.endpoint.url.clone(),
            at,
            result,
            http_status,
            retry_after: None,
            elapsed_ms: 0,
        };
        let Ok(signed) = signing::sign(&to.secrets, &id, at.as_second(), &body) else {
            return ended(event, AttemptResult::Failed("unsigned"), None);
        };
        let mut headers = Vec::from(signed.into_pairs());
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let request = WireRequest {
            callee: Callee::Endpoint { id: to.id },
            class: CallClass::Event,
            method: "POST".to_owned(),
            url: to.endpoint.url.clone(),
            headers,
            body,
            deadline: Instant::now() + Duration::from_millis(self.event_settings.timeout_ms),
            reply_bytes_max: self.event_settings.reply_bytes_max,
        };
        let WireOutcome { result, elapsed_us } = self.wire.call(request).await;
        let elapsed_ms = i64::try_from(elapsed_us / 1_000).unwrap_or(i64::MAX);
        match result {
            Ok(reply) => Attempted {
                retry_after: reply.header("retry-after").map(str::to_owned),
                elapsed_ms,
                ..ended(event, AttemptResult::of_status(reply.status), Some(reply.status))
            },
            Err(error) => {
                let result = AttemptResult::Failed(error.failure.as_str());
                Attempted { elapsed_ms, ..ended(event, result, error.status) }
            }
        }
    }
}
