//! The frame of a page, and the page that leads to the newest of its kind.
//!
//! A page is one file with nothing from elsewhere and without scripts; a content security policy
//! inside it forbids everything else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::STYLE;

/// What a page consists of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Title of the window.
    pub title: &'a str,
    /// What the shared style lacks.
    pub style: &'a str,
    /// Where the first Tab key leads, and its words.
    pub skip: (&'a str, &'a str),
    /// Above everything.
    pub masthead: &'a Markup,
    /// The sections.
    pub main: &'a Markup,
    /// Lineage of the run that made it.
    pub lineage_id: &'a str,
}

impl Page<'_> {
    /// The whole file.
    pub fn render(&self) -> String {
        let (target, words) = self.skip;
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(self.style)) }
                }
                body {
                    a.skip href=(target) { (words) }
                    (self.masthead)
                    main { (self.main) }
                    footer {
                        p { "Made by Foresite from the tables of this data root. "
                            "Run lineage " code { (self.lineage_id) } "." }
                    }
                }
            }
        };
        markup.into_string()
    }
}

/// A page that leads to the newest of its kind: every moment has a folder of its own.
#[derive(Debug, Clone, Copy)]
pub struct Pointer {
    /// Where it lies, below the data root.
    pub path: &'static str,
    /// What it leads to: `worklist`.
    pub what: &'static str,
    /// Name of the file in each folder.
    pub file: &'static str,
}

impl Pointer {
    /// Where the page of a folder lies, below the data root.
    pub fn page(&self, folder: &str) -> String {
        format!("reports/{folder}/{}", self.file)
    }

    /// The pointer to a folder.
    pub fn to(&self, folder: &str) -> String {
        let Self { what, file, .. } = self;
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <title>Foresite: newest {what}</title>\n\
             <meta http-equiv=\"refresh\" content=\"0; url={folder}/{file}\">\n\
             <p>The newest {what}: <a href=\"{folder}/{file}\">{folder}</a></p>\n</html>\n"
        )
    }

    /// Whether a folder is not older than the one that the pointer of this content leads to; the
    /// folders' names sort by time, and what is no pointer leads nowhere.
    pub fn is_newest(&self, folder: &str, content: &[u8]) -> bool {
        let content = String::from_utf8_lossy(content);
        self.target(&content).is_none_or(|have| have <= folder)
    }

    /// The folder that a pointer leads to.
    fn target<'a>(&self, content: &'a str) -> Option<&'a str> {
        let (_, rest) = content.split_once("url=")?;
        rest.split_once(&format!("/{}", self.file)).map(|(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: Pointer =
        Pointer { path: "reports/latest.html", what: "worklist", file: "report.html" };

    #[test]
    fn a_page_is_whole_and_escapes_what_it_is_told() {
        let (masthead, main) = (html! { h1 { "Worklist" } }, html! { p { "<b>" } });
        let page = Page {
            title: "A & B",
            style: ".own { color: red; }",
            skip: ("#items", "Skip to the items"),
            masthead: &masthead,
            main: &main,
            lineage_id: "0f",
        };
        let text = page.render();
        let parts = [
            "<title>A &amp; B</title>",
            "default-src 'none'",
            "<a class=\"skip\" href=\"#items\">Skip to the items</a><h1>Worklist</h1>",
            "<main><p>&lt;b&gt;</p></main>",
            "<code>0f</code>",
            ".own { color: red; }</style>",
        ];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert!(!text.contains("<script") && !text.contains("http://"));
    }

    #[test]
    fn a_pointer_leads_to_the_newest_folder() {
        assert_eq!(POINTER.page("20260309T1400Z"), "reports/20260309T1400Z/report.html");
        let content = POINTER.to("20260309T1400Z");
        assert_eq!(POINTER.target(&content), Some("20260309T1400Z"));
        let is_newest = |folder: &str| POINTER.is_newest(folder, content.as_bytes());
        let folders = ["20260309T1300Z", "20260309T1400Z", "20260310T0000Z"];
        assert_eq!(folders.map(is_newest), [false, true, true]);
        assert!(POINTER.is_newest("20260309T1300Z", b"something else"));
    }
}
