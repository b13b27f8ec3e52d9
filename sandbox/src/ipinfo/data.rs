//! Data files: a 302 to a short-lived address that carries no token, and their checksums.

use serde_json::json;

use super::{Account, account, digest, unknown_token};
use crate::state::State;
use crate::wire::{Reply, Request};

/// Where the redirect leads, below the control API so that it is not counted as IPinfo.
pub(crate) const DOWNLOADS: &str = "downloads";

pub(super) fn redirect(state: &State, req: &Request, file: &str) -> Reply {
    if !matches!(account(req), Ok(Account::Free | Account::Paid)) {
        return unknown_token();
    }
    if !state.files.contains_key(file) {
        return not_found();
    }
    let signature = digest::hex(&digest::sha256(file.as_bytes()));
    let place = format!("/__sandbox/{DOWNLOADS}/{file}?signature={}", &signature[..16]);
    Reply::text(302, "text/plain", "").with_header("location", place)
}

pub(super) fn checksums(state: &State, req: &Request, file: &str) -> Reply {
    if !matches!(account(req), Ok(Account::Free | Account::Paid)) {
        return unknown_token();
    }
    let Some(bytes) = state.files.get(file) else { return not_found() };
    let sums = json!({
        "md5": digest::hex(&digest::md5(bytes)), "sha1": digest::hex(&digest::sha1(bytes)),
        "sha256": digest::hex(&digest::sha256(bytes)),
    });
    Reply::json(200, &json!({"checksums": sums}))
}

fn not_found() -> Reply {
    let error = json!({"title": "Not found", "message": "The requested file does not exist"});
    Reply::json(404, &json!({"status": 404, "error": error}))
}

/// The user name of an HTTP Basic header.
pub(super) fn basic_user(encoded: &str) -> Option<String> {
    let mut bits: u32 = 0;
    let mut held = 0;
    let mut out = Vec::new();
    for byte in encoded.bytes().filter(|byte| *byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(((bits >> held) & 0xFF) as u8);
            bits &= (1 << held) - 1;
        }
    }
    let text = String::from_utf8(out).ok()?;
    Some(text.split(':').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_decoded() {
        assert_eq!(basic_user("c2FuZGJveGlwaW5mbzE6").as_deref(), Some("sandboxipinfo1"));
        assert_eq!(basic_user("!!"), None);
    }
}
