//! From what failed inside to what the caller is told.

use super::{ApiError, Code, Fault, FaultCode, TextPlace};
use crate::flow::administer::{AdminError, ProfileFault};
use crate::flow::exchange::FlowError;
use crate::intake::{FaultKind, FieldFault, InvalidSubmission};
use crate::integration;
use crate::ports::auction_store::StoreError;
use crate::ports::records::RecordsError;
use crate::registry::endpoints::EndpointFault;
use crate::registry::fault::{FaultRule, RegistryFault};

/// When to try again after the store or the records gave no answer, in seconds.
const RETRY_OUTAGE_S: u32 = 2;

/// When to try again after others changed the registry, in seconds.
const RETRY_CONTENDED_S: u32 = 1;

/// When to try again while a node is stopping, in seconds: another one answers sooner.
const RETRY_DRAINING_S: u32 = 1;

/// What is said when a request met no answer of the store.
const NOT_KNOWN: &str =
    "The outcome is not known; send the same request again, with the same Idempotency-Key.";

/// What is said when a request was turned away because the store is away or full.
const UNTOUCHED: &str =
    "The exchange takes nothing in now; nothing was done. Send the same request again.";

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Overloaded { retry_after_s } => {
                let detail = "The node has no room for this now; nothing was done.";
                Self::new(Code::Overloaded, detail).retry_after(retry_after_s)
            }
            FlowError::Draining => {
                let detail = "This node is stopping and takes no new work.";
                Self::new(Code::Overloaded, detail).retry_after(RETRY_DRAINING_S)
            }
            FlowError::Store(error) => Self::from(error),
            FlowError::StoreAway { retry_after_s, is_untouched, error } => {
                let detail = if is_untouched { UNTOUCHED } else { NOT_KNOWN };
                Self::new(Code::StoreUnavailable, detail)
                    .retry_after(retry_after_s)
                    .caused_by(error)
            }
            FlowError::Records(error) => Self::from(error),
            FlowError::Bug(cause) => Self::internal(cause),
        }
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let text = error.to_string();
        match error {
            AdminError::Refused(faults) => {
                let detail = format!("The registry would have {} fault(s).", faults.len());
                let faults = faults.into_iter().map(Fault::from).collect();
                Self::new(Code::InvalidRegistry, detail).with_faults(faults)
            }
            AdminError::UnknownOwner { .. } => Self::at("/owner", FaultCode::UnknownOwner, text),
            AdminError::OwnerMissing { .. } => Self::at("/owner", FaultCode::Required, text),
            AdminError::OwnerOfOperator => Self::at("/owner", FaultCode::NotForOperators, text),
            AdminError::OperatorTest => Self::at("/test", FaultCode::NotForOperators, text),
            AdminError::TooManyKeys => Self::at("/owner", FaultCode::TooManyKeys, text),
            AdminError::UnknownKey | AdminError::UnknownObject | AdminError::UnknownEndpoint => {
                Self::not_found()
            }
            AdminError::UnknownVersion { .. } => Self::new(Code::NotFound, text),
            AdminError::Precondition => {
                let detail = "The object is not as If-Match or If-None-Match says; read it again.";
                Self::new(Code::PreconditionFailed, detail)
            }
            AdminError::NotChallengeable => {
                let detail = "Endpoints behind a profile cannot answer a challenge; an operator \
                              vouches for them.";
                Self::new(Code::AttestationNeeded, detail)
            }
            AdminError::EndpointsMissing => {
                let detail = "The campaign has no endpoints yet; register them first.";
                Self::new(Code::EndpointsMissing, detail)
            }
            AdminError::Broken { .. } => Self::internal(text),
            AdminError::TooManyEndpoints => Self::at("", FaultCode::TooManyEndpoints, text),
            AdminError::Endpoint(fault) => {
                let (pointer, code) = match fault {
                    EndpointFault::Url(_) => ("/url", FaultCode::InvalidUrl),
                    EndpointFault::NoTypes => ("/types", FaultCode::Required),
                    EndpointFault::NotForOwner(..) => ("/types", FaultCode::NotForOwner),
                };
                Self::at(pointer, code, text)
            }
            AdminError::ChallengeRunning { retry_after_s } => {
                let detail = "Another request of yours challenges endpoints now; nothing was done.";
                Self::new(Code::ChallengeRunning, detail).retry_after(retry_after_s)
            }
            AdminError::InvalidProfile(faults) => {
                let detail = match &*faults {
                    [only] => format!("The profile cannot be used: {}.", only.fault.message),
                    all => format!("The profile has {} faults.", all.len()),
                };
                let faults = faults.into_iter().map(Fault::from).collect();
                Self::new(Code::InvalidRequest, detail).with_faults(faults)
            }
            AdminError::Busy => {
                let detail = "Another profile is being tried at this moment; nothing was done.";
                Self::new(Code::Overloaded, detail).retry_after(RETRY_CONTENDED_S)
            }
            AdminError::Ended(_) => Self::internal(text),
            AdminError::Contended => {
                let detail = "Others changed the registry at the same time; nothing was changed.";
                Self::new(Code::RegistryChanged, detail).retry_after(RETRY_CONTENDED_S)
            }
            AdminError::Records(error) => Self::from(error),
            AdminError::Vault(error) => Self::internal(error),
            AdminError::NotASecret { .. } => Self::internal(text),
        }
    }
}

impl From<RegistryFault> for Fault {
    /// Points into the bundle that was to be applied; a fault may also lie in an object that was
    /// there before.
    fn from(fault: RegistryFault) -> Self {
        let mut pointer = format!("/bundle/{}s/{}", fault.kind, fault.id);
        for step in fault.field.split('.').filter(|step| !step.is_empty()) {
            pointer.push('/');
            pointer.push_str(step);
        }
        Self::of(pointer, fault.rule.as_str(), fault.detail)
    }
}

impl From<ProfileFault> for Fault {
    /// Points to the file in the body, and into its text.
    fn from(found: ProfileFault) -> Self {
        let ProfileFault { case, fault } = found;
        let (pointer, rule) = match case {
            None => ("/text".to_owned(), FaultRule::InvalidProfile),
            Some(case) => {
                let case = case.replace('~', "~0").replace('/', "~1");
                (format!("/cases/{case}"), FaultRule::InvalidCase)
            }
        };
        let integration::Fault { line, column, at, message, hint, .. } = fault;
        let place = Some(TextPlace { line, column, at, hint });
        Self { place, ..Self::of(pointer, rule.as_str(), message) }
    }
}

impl From<InvalidSubmission> for ApiError {
    fn from(invalid: InvalidSubmission) -> Self {
        let code = match invalid.kind {
            FaultKind::MalformedBody => Code::MalformedBody,
            FaultKind::InvalidLead => Code::InvalidLead,
            FaultKind::UnknownVertical => Code::UnknownVertical,
            FaultKind::BodyTooLarge => Code::BodyTooLarge,
        };
        let fault = |fault: FieldFault| Fault::of(fault.pointer, fault.code, fault.detail);
        let faults = invalid.errors.into_iter().map(fault).collect();
        Self::new(code, invalid.detail).with_faults(faults)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) | StoreError::Full(_) => {
                Self::new(Code::StoreUnavailable, NOT_KNOWN)
                    .retry_after(RETRY_OUTAGE_S)
                    .caused_by(error)
            }
            StoreError::Corrupt(_) | StoreError::Limit(_) => Self::internal(error),
        }
    }
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        match &error {
            RecordsError::Unavailable(_) | RecordsError::Busy(_) => {
                let detail = "The records give no answer at present.";
                Self::new(Code::RecordsUnavailable, detail)
                    .retry_after(RETRY_OUTAGE_S)
                    .caused_by(error)
            }
            RecordsError::Refused(_) | RecordsError::Corrupt(_) => Self::internal(error),
        }
    }
}
