//! Distinguished names: `SubNetwork=G3,ManagedElement=N1,GNBDUFunction=1,NRCellDU=4`.
//!
//! Files write the element and its objects with overlaps (an `ldn` that begins with the element
//! again) or as bare names. Everything downstream sees one form: the element's full name in
//! `ne_dn`, and below it an `ldn` that repeats nothing.

use std::borrow::Cow;

/// The class of a bare element name.
const ELEMENT_CLASS: &str = "ManagedElement";

/// The components of a name: separated by commas (`\,` is part of a component), or by slashes in
/// the Nokia form `PLMN-PLMN/MRBTS-7`.
fn components(dn: &str) -> Vec<&str> {
    if dn.is_empty() {
        return Vec::new();
    }
    if !dn.contains('=') {
        return dn.split('/').collect();
    }
    let bytes = dn.as_bytes();
    let mut start = 0;
    let mut parts = Vec::new();
    for comma in memchr::memchr_iter(b',', bytes) {
        if comma > 0 && bytes[comma - 1] == b'\\' {
            continue;
        }
        parts.push(&dn[start..comma]);
        start = comma + 1;
    }
    parts.push(&dn[start..]);
    parts
}

/// Components that an overlap may have; genuine names have ten. Trying every length costs the
/// square of it.
const MOST_SHARED: usize = 100;

/// How many components at the end of `above` stand again at the beginning of `below`.
fn overlap(above: &[&str], below: &[&str]) -> usize {
    (1..=above.len().min(below.len()).min(MOST_SHARED))
        .rev()
        .find(|len| above[above.len() - len..] == below[..*len])
        .unwrap_or(0)
}

/// The full name of an element from the file's prefix and its local name. A bare local name
/// becomes a `ManagedElement`.
///
/// ```
/// use foresite_pm::join_dn;
/// assert_eq!(join_dn("SubNetwork=G3", "N1"), "SubNetwork=G3,ManagedElement=N1");
/// assert_eq!(join_dn("DC=a,SubNetwork=G3", "SubNetwork=G3,ManagedElement=N1"), "DC=a,SubNetwork=G3,ManagedElement=N1");
/// ```
pub fn join_dn(prefix: &str, local: &str) -> String {
    let (prefix, local) = (prefix.trim(), local.trim());
    if local.is_empty() {
        return prefix.to_owned();
    }
    let local = match local.contains(['=', '/']) {
        true => Cow::Borrowed(local),
        false => Cow::Owned(format!("{ELEMENT_CLASS}={local}")),
    };
    let (above, below) = (components(prefix), components(&local));
    let shared = overlap(&above, &below);
    let separator = if local.contains('=') { "," } else { "/" };
    [&above[..], &below[shared..]].concat().join(separator)
}

/// The name of an object below its element, without what repeats the element; empty when the
/// object is the element itself.
///
/// ```
/// use foresite_pm::dn_below;
/// let element = "SubNetwork=G3,ManagedElement=N1";
/// assert_eq!(dn_below(element, "ManagedElement=N1,GNBDUFunction=1"), "GNBDUFunction=1");
/// assert_eq!(dn_below(element, "ManagedElement=N1"), "");
/// ```
pub fn dn_below<'a>(element: &str, ldn: &'a str) -> Cow<'a, str> {
    let ldn = ldn.trim();
    let (above, below) = (components(element), components(ldn));
    match overlap(&above, &below) {
        0 => Cow::Borrowed(ldn),
        shared => {
            let skipped: usize = below[..shared].iter().map(|part| part.len() + 1).sum();
            Cow::Borrowed(ldn.get(skipped..).unwrap_or(""))
        }
    }
}

/// The class of the last component: `NRCellDU` of `…,NRCellDU=4`. An empty `ldn` has the class of
/// the element.
///
/// Huawei's `NE/Cell:eNodeB Function Name=…` carries the class before the colon, Nokia's
/// `MRBTS-1/LNCEL-2` before the dash.
///
/// ```
/// use foresite_pm::class_of;
/// assert_eq!(class_of("SubNetwork=G3,ManagedElement=N1", "GNBDUFunction=1,NRCellDU=4"), "NRCellDU");
/// assert_eq!(class_of("SubNetwork=G3,ManagedElement=N1", ""), "ManagedElement");
/// assert_eq!(class_of("N1", "N1/Cell:eNodeB Function Name=N1, Local Cell ID=1"), "Cell");
/// assert_eq!(class_of("PLMN-PLMN/MRBTS-1", "LNBTS-1/LNCEL-2"), "LNCEL");
/// ```
pub fn class_of<'a>(element: &'a str, ldn: &'a str) -> &'a str {
    let name = if ldn.is_empty() { element } else { ldn };
    let before_value = name.split('=').next().unwrap_or_default();
    if let Some((head, _)) = before_value.split_once(':') {
        return head.rsplit('/').next().unwrap_or(head);
    }
    let last = components(name).pop().unwrap_or_default().trim();
    let end = last.find(['=', '-']).unwrap_or(last.len());
    match last.split_once('=') {
        Some((class, _)) => class,
        None => &last[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_and_local_name_join_without_overlap() {
        for (prefix, local, full) in [
            ("", "N1", "ManagedElement=N1"),
            ("SubNetwork=G3", "", "SubNetwork=G3"),
            ("SubNetwork=G3", "ManagedElement=N1", "SubNetwork=G3,ManagedElement=N1"),
            (
                "SubNetwork=G3,ManagedElement=N1",
                "ManagedElement=N1",
                "SubNetwork=G3,ManagedElement=N1",
            ),
            ("SubNetwork=G3", "SubNetwork=G3,ManagedElement=N1", "SubNetwork=G3,ManagedElement=N1"),
            ("SubNetwork=1", "ManagedElement=a\\,b", "SubNetwork=1,ManagedElement=a\\,b"),
            ("", "PLMN-PLMN/MRBTS-7", "PLMN-PLMN/MRBTS-7"),
        ] {
            assert_eq!(join_dn(prefix, local), full);
        }
    }

    #[test]
    fn objects_stand_below_their_element() {
        let element = "DC=a,SubNetwork=G3,ManagedElement=N1";
        for (ldn, below) in [
            ("", ""),
            ("ManagedElement=N1,Equipment=1", "Equipment=1"),
            ("SubNetwork=G3,ManagedElement=N1,Equipment=1", "Equipment=1"),
            ("DC=a,SubNetwork=G3,ManagedElement=N1", ""),
            ("Equipment=1", "Equipment=1"),
            ("ManagedElement=N12,Equipment=1", "ManagedElement=N12,Equipment=1"),
        ] {
            assert_eq!(dn_below(element, ldn), below, "{ldn}");
        }
        assert_eq!(dn_below("PLMN-PLMN/MRBTS-7", "PLMN-PLMN/MRBTS-7/NRBTS-7"), "NRBTS-7");
    }

    #[test]
    fn the_last_component_gives_the_class() {
        let element = "SubNetwork=G3,ManagedElement=N1";
        assert_eq!(
            class_of(element, "Equipment=1,FieldReplaceableUnit=Radio-S3-1"),
            "FieldReplaceableUnit"
        );
        assert_eq!(class_of(element, "bare"), "bare");
        assert_eq!(class_of("", ""), "");
    }
}
