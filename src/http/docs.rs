//! The page that shows the description of the API, and the files it is made of.
//!
//! It is Swagger UI as its makers publish it (`templates/swagger-ui`), within a page and a start
//! script of ours. Everything comes from here and nothing from elsewhere: the policy of the page
//! lets a browser load, and send to, this exchange alone, and run no script that stands in a page.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use actix_web::{HttpResponse, web};

use super::error::ApiError;
use super::openapi::{Operation, Tag, any_text};

/// What the page may load: itself. Swagger UI draws its icons from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// How long a browser may keep a file: long enough for one reading.
const KEPT: &str = "public, max-age=3600";

const PAGE: &str = include_str!("../../templates/docs.html");

/// One file that the page asks for.
struct File {
    name: &'static str,
    media: &'static str,
    is_packed: bool,
    bytes: &'static [u8],
}

const FILES: [File; 4] = [
    File {
        name: "start.js",
        media: "text/javascript; charset=utf-8",
        is_packed: false,
        bytes: include_bytes!("../../templates/docs.js"),
    },
    File {
        name: "page.css",
        media: "text/css; charset=utf-8",
        is_packed: false,
        bytes: include_bytes!("../../templates/docs.css"),
    },
    File {
        name: "swagger-ui-bundle.js",
        media: "text/javascript; charset=utf-8",
        is_packed: true,
        bytes: include_bytes!("../../templates/swagger-ui/swagger-ui-bundle.js.gz"),
    },
    File {
        name: "swagger-ui.css",
        media: "text/css; charset=utf-8",
        is_packed: true,
        bytes: include_bytes!("../../templates/swagger-ui/swagger-ui.css.gz"),
    },
];

/// `GET /docs`: the page.
pub(super) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(PAGE)
}

/// `GET /docs/{file}`: what the page asks for.
pub(super) async fn file(path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let file = FILES.iter().find(|file| *file.name == **path).ok_or_else(ApiError::not_found)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, file.media)).insert_header((CACHE_CONTROL, KEPT));
    if file.is_packed {
        // Every browser unpacks it; keeping the plain form beside it would serve nobody.
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes))
}

/// What [`page`] is to whoever reads the document of the API.
pub(super) fn page_operation() -> Operation {
    Operation::new(Tag::Description, "readDocs", "Read this document as a page")
        .says("It works without any other server, and its scripts are all of this one.")
        .answers_as(200, "text/html; charset=utf-8", "The page.", any_text)
}

/// What [`file`] is to whoever reads the document of the API.
pub(super) fn file_operation() -> Operation {
    Operation::new(Tag::Description, "readDocsFile", "Read a file of the page")
        .says("Scripts and style sheets.")
        .answers_as(200, "text/javascript; charset=utf-8", "The file.", any_text)
        .answers_as(200, "text/css; charset=utf-8", "", any_text)
}
