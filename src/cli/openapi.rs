//! `ghl-enrich openapi`: the document, as served at `/openapi.json`.

use super::print_line;
use std::path::Path;

/// Writes the document to a file, or to standard output.
///
/// # Errors
/// Where the file cannot be written.
pub fn openapi(output: Option<&Path>) -> anyhow::Result<()> {
    let mut text = crate::http::openapi().to_pretty_json()?;
    match output {
        Some(path) => {
            text.push('\n');
            std::fs::write(path, text)?;
        }
        None => print_line(&text),
    }
    Ok(())
}
