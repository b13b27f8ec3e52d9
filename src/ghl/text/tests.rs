//! What people and editors write, and what nobody should.

use super::*;
use proptest::prelude::*;

#[test]
fn reads_as_a_person_would() {
    for (html, text) in [
        ("", ""),
        ("plain", "plain"),
        ("  two\n\n\n\nparagraphs \t of\r\nplain text  ", "two\n\nparagraphs of\nplain text"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<p>one</p>\n\n<p>two\nlines</p>", "one\ntwo lines"),
        ("one<br>two<br/><BR />three", "one\ntwo\nthree"),
        ("<b>bold</b>face", "boldface"),
        ("<b>kept</b>\nbreak", "kept\nbreak"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a<script>alert('</b>')</script>b<style>p{}</style>c", "abc"),
        ("a<script>never closed", "a"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("&lt;b&gt; &amp;amp; &#233;&#xe9; &nbsp;&hellip; &unknown;", "<b> &amp; éé … &unknown;"),
        ("5 < 6 & 7", "5 < 6 & 7"),
        ("x<y and so on", "x<y and so on"),
        ("mail <dana@example.test> please", "mail dana@example.test please"),
        ("<a href=\"https://example.test/?a=1&b=2\" title='a>b'>link</a>", "link"),
        ("\u{feff}soft\u{ad}hyphen\u{200b}", "softhyphen"),
        ("a\u{0}b\u{1}c&#1;", "abc"),
        ("👩‍💻 ok", "👩‍💻 ok"),
    ] {
        assert_eq!(html_to_text(html), text, "{html:?}");
    }
}

#[test]
fn a_body_beyond_the_bound_is_cut() {
    let text = html_to_text(&"é".repeat(MAX_HTML_BYTES));
    assert!(text.ends_with("é…") && text.len() <= MAX_HTML_BYTES + "…".len());
}

proptest! {
    #[test]
    fn never_panics_and_stays_tame(html in "(<|>|/|p|br|script|style|&|#|;|x|1|\"|'|=|!--|-->| |\n|\t|é|\u{0}|\\PC){0,80}") {
        let text = html_to_text(&html);
        prop_assert_eq!(text.trim(), &text);
        prop_assert!(!text.contains("  ") && !text.contains("\n\n\n"));
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }
}
