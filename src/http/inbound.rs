//! Vendors with a format of their own: `/in/{profile}/{call}`.
//!
//! Nothing is decided here. The gate hands such a request over (`admit`): the profile says where its
//! key stands and which fields mean what, and out comes the request that the vendor would have sent
//! in the exchange's own format. It goes to the handlers of `/v1/leads`, `/v1/pings` and `/v1/posts`,
//! and what they answer, or what refused the request before, is said in the vendor's words.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};

use super::Api;
use super::auth::Principal;
use super::body::{self, Accepts, Body, BodyLimits, unsupported};
use super::error::{ApiError, Code, Words};
use super::gate;
use super::headers::{self, IDEMPOTENCY_KEY};
use super::openapi::{Operation, Tag, any_object, any_text};
use super::routes::Route;
use super::{leads, pings};
use crate::intake::ContentKind;
use crate::integration::inbound::{
    Answered, Call, FaultTold, Fields, Inbound, Submission, Told, Unreadable, Written,
};

/// A vendor's request in the exchange's own format, and how to answer it.
pub(super) struct Asked {
    call: Call,
    body: Body,
    door: Door,
}

/// One request while it is let in, and answered. No `Debug`: its fields may say anything.
struct Door {
    api: Arc<Api>,
    profile: Arc<Inbound>,
    call: Option<Call>,
    fields: Fields,
}

/// Lets a request in, or refuses it in its vendor's words.
///
/// Where no profile says anything else, it counts as one of the exchange's own: a stranger does not
/// learn here which profiles there are.
pub(super) async fn admit(
    api: &Arc<Api>,
    route: &Route,
    request: &mut ServiceRequest,
) -> Result<(), ApiError> {
    let Some((profile, path)) = profile_of(api, request) else {
        let principal = gate::identify(api, request)?;
        request.extensions_mut().insert(principal.clone());
        gate::check_role(route, &principal)?;
        return Err(ApiError::not_found());
    };
    let fields = Fields::default();
    let mut door = Door { api: Arc::clone(api), profile, call: None, fields };
    match door.let_in(route, request, &path).await {
        Ok(body) => {
            let call = door.call.ok_or_else(|| ApiError::internal("a call without a name"))?;
            request.extensions_mut().insert(Asked { call, body, door });
            Ok(())
        }
        Err(error) => Err(door.refusal(error)),
    }
}

/// The profile that the path names, if it has a call there.
fn profile_of(api: &Api, request: &ServiceRequest) -> Option<(Arc<Inbound>, String)> {
    let (name, path) = (request.match_info().get("profile")?, request.match_info().get("call")?);
    let snapshot = api.exchange.snapshot();
    let profile = snapshot.inbound.get(name).filter(|profile| profile.has_path(path))?;
    Some((Arc::clone(profile), path.to_owned()))
}

impl Door {
    /// Checks key, body and signature as the gate does, and translates what the vendor asks for.
    async fn let_in(
        &mut self,
        route: &Route,
        request: &mut ServiceRequest,
        path: &str,
    ) -> Result<Body, ApiError> {
        let is_get = request.method() == Method::GET;
        if is_get && !self.profile.takes(Written::Query) {
            return Err(ApiError::method_not_allowed("POST"));
        }
        let query = request.query_string().to_owned();
        self.fields = self.profile.read_query(&query).map_err(unreadable)?;
        // A key beside the body costs strangers what it costs them everywhere.
        let (principal, body) = match self.identify(request)? {
            Some(principal) if is_get => (principal, Bytes::new()),
            Some(principal) => (principal, self.read_body(request, usize::MAX).await?),
            None if is_get || !self.profile.has_key_in_fields() => {
                return Err(gate::refuse_stranger(&self.api, request));
            }
            None => self.read_key_in_body(request).await?,
        };
        request.extensions_mut().insert(principal.clone());
        gate::check_role(route, &principal)?;
        if !self.profile.is_for(principal.vendor()?) {
            let detail = "This profile is for other vendors; ask the operator for yours.";
            return Err(ApiError::new(Code::WrongRole, detail));
        }
        if principal.must_sign {
            if !query.is_empty() {
                let detail =
                    "A key that signs sends its fields in the body, which is what is signed.";
                return Err(ApiError::new(Code::InvalidSignature, detail));
            }
            gate::check_signature(&self.api, request, &principal, &body)?;
        }
        self.translate(request, path)
    }

    /// Who is calling, if the request has a key in what was read of it.
    fn identify(&mut self, request: &ServiceRequest) -> Result<Option<Principal>, ApiError> {
        let header = |name: &str| {
            let name = HeaderName::try_from(name).ok()?;
            headers::single(request.headers(), &name).ok()?.map(str::to_owned)
        };
        let Some(key) = self.profile.take_key(&mut self.fields, &header) else { return Ok(None) };
        gate::identify_by(&self.api, request, Some(&key)).map(Some)
    }

    /// Reads a body for the key in it. Of strangers it is a small one, and one that tells no key
    /// counts as a wrong key, whatever else is wrong with it.
    async fn read_key_in_body(
        &mut self,
        request: &mut ServiceRequest,
    ) -> Result<(Principal, Bytes), ApiError> {
        let body = match self.read_body(request, gate::KEY_IN_BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => {
                let refusal = gate::refuse_stranger(&self.api, request);
                let is_too_much = refusal.code() == Code::RateLimited;
                return Err(if is_too_much { refusal } else { error });
            }
        };
        match self.identify(request)? {
            Some(principal) => Ok((principal, body)),
            None => Err(gate::refuse_stranger(&self.api, request)),
        }
    }

    async fn read_body(
        &mut self,
        request: &mut ServiceRequest,
        bytes_max: usize,
    ) -> Result<Bytes, ApiError> {
        let payload = request.take_payload();
        let limits = gate::body_limits(&self.api, Accepts::ByProfile);
        let limits = BodyLimits { bytes_max: limits.bytes_max.min(bytes_max), ..limits };
        let bytes = body::read_bytes(request.head(), payload, limits).await?;
        let content_type = headers::single(request.headers(), &CONTENT_TYPE)?;
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let written = self.profile.written(content_type, &bytes);
        let written =
            written.ok_or_else(|| unsupported("A body of this kind is not read here."))?;
        let read = self.profile.read_body(&mut self.fields, written, (content_type, &bytes));
        read.map_err(unreadable)?;
        Ok(bytes)
    }

    /// The request in the exchange's own format.
    fn translate(&mut self, request: &mut ServiceRequest, path: &str) -> Result<Body, ApiError> {
        // Wherever else a key was looked for, none of it goes further.
        drop(self.profile.take_key(&mut self.fields, &|_| None));
        self.profile.gather(&mut self.fields).map_err(unreadable)?;
        let now = self.api.exchange.clock().now();
        let call = self.profile.call(path, &self.fields, now).ok_or_else(|| {
            ApiError::new(Code::MalformedRequest, "Nothing in the request says what it asks for.")
        })?;
        self.call = Some(call);
        let Submission { body, idempotency_key } =
            self.profile.submission(call, &self.fields, now).map_err(|refused| {
                ApiError::new(
                    Code::MalformedRequest,
                    format!("The request is not taken: {refused}."),
                )
            })?;
        let has_key = request.headers().contains_key(IDEMPOTENCY_KEY);
        if let Some(key) = idempotency_key.filter(|_| !has_key) {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            let value = HeaderValue::try_from(quoted).map_err(|_| {
                ApiError::new(Code::MalformedRequest, "The idempotency key is not visible ASCII.")
            })?;
            request.headers_mut().insert(IDEMPOTENCY_KEY, value);
        }
        Ok(Body { kind: ContentKind::Json, bytes: Bytes::from(body) })
    }

    /// An error in the vendor's words.
    fn refusal(&self, error: ApiError) -> ApiError {
        let faults: Vec<FaultTold<'_>> = error
            .faults()
            .iter()
            .map(|fault| FaultTold {
                pointer: &fault.pointer,
                code: &fault.code,
                detail: &fault.detail,
            })
            .collect();
        let told = Told::Refusal {
            call: self.call,
            status: error.code().status(),
            code: error.code().as_str(),
            detail: error.detail(),
            faults: &faults,
            retry_after_s: error.retry_after_s(),
        };
        let words = self.say(&told);
        error.in_words(words)
    }

    /// An answer of the exchange's own in the vendor's words.
    fn answer(&self, call: Call, response: HttpResponse) -> HttpResponse {
        let (mut response, body) = response.into_parts();
        let Ok(body) = body.try_into_bytes() else {
            return response.set_body(()).map_into_boxed_body();
        };
        let status = response.status().as_u16();
        let Some(words) = self.say(&Told::Answer { call, status, body: &body }) else {
            return response.set_body(body).map_into_boxed_body();
        };
        *response.status_mut() = words.status;
        let content_type = HeaderValue::from_static(words.content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response.set_body(words.body).map_into_boxed_body()
    }

    fn say(&self, told: &Told<'_>) -> Option<Words> {
        let now = self.api.exchange.clock().now();
        let Answered { status, content_type, body } =
            self.profile.answer(told, &self.fields, now)?;
        Some(Words { status: StatusCode::from_u16(status).ok()?, content_type, body })
    }
}

/// What cannot be read of a request, with nothing of it.
fn unreadable(error: Unreadable) -> ApiError {
    ApiError::new(Code::MalformedBody, format!("The request cannot be read: {error}."))
}

/// `GET` and `POST /in/{profile}/{call}`: one of the exchange's own calls, in a vendor's format.
pub(super) async fn call(
    api: web::Data<Api>,
    principal: Principal,
    asked: Asked,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Asked { call, body, door } = asked;
    let answered = match call {
        Call::Lead => leads::submit(api, principal, body, request).await,
        Call::Ping => pings::ping(api, principal, body, request).await,
        Call::Post => pings::post(api, principal, body, request).await,
    };
    match answered {
        Ok(response) => Ok(door.answer(call, response)),
        Err(error) => Err(door.refusal(error)),
    }
}

/// Hands the handler what the gate has translated.
impl FromRequest for Asked {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asked = request.extensions_mut().remove::<Self>();
        ready(asked.ok_or_else(|| ApiError::internal("the route's profile was not asked")))
    }
}

/// What the route is to whoever reads the document of the API.
pub(super) fn ask_operation() -> Operation {
    described(Operation::new(Tag::Inbound, "askByProfile", "Call in a format of one's own, by GET"))
}

/// What the route with a body is.
pub(super) fn call_operation() -> Operation {
    let operation =
        Operation::new(Tag::Inbound, "callByProfile", "Call in a format of one's own, by POST");
    described(operation.takes_any())
}

fn described(operation: Operation) -> Operation {
    let says = "Does what `POST /v1/leads`, `/v1/pings` or `/v1/posts` does, as the inbound profile \
                says: which fields mean what, where the key stands (the header `Authorization` is \
                one place of several), and with which status and words each outcome is answered. \
                Problem bodies stand only where the profile has no words.";
    let said = "The outcome, in the words of the profile.";
    operation
        .says(says)
        .answers_as(200, "application/json", said, any_object)
        .answers_as(200, "text/xml; charset=utf-8", said, any_text)
        .answers_as(200, "text/plain; charset=utf-8", said, any_text)
        .with_header("idempotent-replayed", "`true` on an answer that was given before.")
        .with_header("retry-after", "When to try or ask again, in seconds.")
        .with_header("location", "Where the exchange's own answer will be.")
        .answers_as(202, "application/json", "The lead is safe and has no answer yet.", any_object)
        .with_header("retry-after", "When to ask again, in seconds.")
        .with_header("location", "Where the exchange's own answer will be.")
        .fails(&[Code::MalformedBody, Code::MalformedRequest, Code::UnsupportedMediaType])
        .fails(&[Code::IdempotencyKeyMismatch, Code::UnknownVertical, Code::InvalidLead])
        .fails(&[Code::PingUnknown, Code::PingUsed, Code::PingExpired, Code::OfferUnknown])
        .fails(&[Code::Overloaded, Code::StoreUnavailable, Code::RecordsUnavailable])
}
