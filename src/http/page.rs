//! Pages for people in a browser: a title and a few sentences, nothing loaded, nothing run.

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
    },
};

const HTML: &str = "text/html; charset=utf-8";
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a person asks: a browser puts `text/html` into `Accept`, and nobody else does.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|text| text.contains("text/html"))
}

/// A page. What is given is text: whatever it holds, none of it becomes markup.
pub(super) fn page(status: StatusCode, title: &str, sentences: &str) -> HttpResponse {
    let (title, sentences) = (escaped(title), escaped(sentences));
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, HTML))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
             <body><h1>{title}</h1><p>{sentences}</p></body></html>\n"
        ))
}

/// Whether a response is such a page: it tells a person what is wrong, and stays as it is.
pub(super) fn is_one<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let html = response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == HTML.as_bytes());
    html && response.response().error().is_none()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_becomes_markup() {
        assert_eq!(escaped("<b a=\"1\" c='2'>&amp;\n"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp; ");
    }
}
