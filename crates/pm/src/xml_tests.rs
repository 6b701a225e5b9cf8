//! XML forms, quirks and hostile input.

use super::*;

fn walk(text: &str) -> Result<usize, ReadError> {
    let mut cursor = Cursor::new(text, Limits::default());
    let mut children = 0;
    let outcome = (|| {
        while let Some(_open) = cursor.child()? {
            cursor.skip()?;
            children += 1;
        }
        Ok(children)
    })();
    outcome.map_err(|error| cursor.locate(error))
}

fn first_text(text: &str) -> Result<String, ReadError> {
    let mut cursor = Cursor::new(text, Limits::default());
    cursor.child()?.expect("one element");
    cursor.text().map(Cow::into_owned)
}

#[test]
fn instructions_and_comments_may_stand_anywhere() {
    let text =
        "<?xml-stylesheet href=\"a.xsl\"?>\n<!-- c -->\n<?xml version=\"1.0\"?><!-- d -->\n<a/>";
    assert_eq!(walk(text), Ok(1));
}

#[test]
fn only_the_legacy_doctype_passes() {
    assert_eq!(walk("<!DOCTYPE mdc  SYSTEM\n\"MeasDataCollection.dtd\"><mdc/>"), Ok(1));
    for hostile in [
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
        "<!DOCTYPE mdc SYSTEM \"http://elsewhere/MeasDataCollection.dtd\"><mdc/>",
        "<!DOCTYPE mdc SYSTEM \"MeasDataCollection.dtd\" [<!ENTITY a \"aa\">]><mdc/>",
    ] {
        assert_eq!(walk(hostile).unwrap_err().kind, ReadErrorKind::Doctype);
    }
}

#[test]
fn predefined_entities_are_text_and_others_are_refused() {
    assert_eq!(first_text("<a>1 &lt; 2 &#65;<![CDATA[<&]]></a>").unwrap(), "1 < 2 A<&");
    assert_eq!(first_text("<a>&lol9;</a>").unwrap_err().kind, ReadErrorKind::Entity);
    let mut cursor = Cursor::new("<a n=\"x &amp; y\" m=\"&bomb;\"/>", Limits::default());
    let open = cursor.child().unwrap().unwrap();
    assert_eq!(open.attr("n").unwrap().as_deref(), Some("x & y"));
    assert_eq!(open.attr("m").unwrap_err().kind, ReadErrorKind::Entity);
}

#[test]
fn prefixes_are_ignored() {
    let mut cursor = Cursor::new("<p:a xmlns:p=\"u\" p:k=\"v\"><p:b/></p:a>", Limits::default());
    let open = cursor.child().unwrap().unwrap();
    assert_eq!((open.name(), open.attr("k").unwrap().as_deref()), ("a", Some("v")));
    assert_eq!(cursor.child().unwrap().unwrap().name(), "b");
}

#[test]
fn faults_name_kind_offset_and_path() {
    let cut = walk("<a><b><c>1</c>").unwrap_err();
    assert_eq!((cut.kind, cut.offset, cut.path.as_str()), (ReadErrorKind::Truncated, 14, "a/b"));
    let inside_tag = walk("<a><b k=\"1").unwrap_err();
    assert_eq!((inside_tag.kind, inside_tag.path.as_str()), (ReadErrorKind::Truncated, "a"));
    let crossed = walk("<a><b></a></b>").unwrap_err();
    assert_eq!(
        crossed.to_string(),
        "syntax: ill-formed document: expected `</b>`, but `</a>` was found at byte 6 in a/b"
    );
    assert_eq!(walk(&"<a>".repeat(100_000)).unwrap_err().kind, ReadErrorKind::Depth);
}

#[test]
fn a_huge_text_node_is_refused() {
    let text = format!("<a>{}</a>", "x".repeat(2 << 20));
    assert_eq!(first_text(&text).unwrap_err().kind, ReadErrorKind::TooLarge);
}
