//! Gauges in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use foresite_tables::Micros;

/// Series of one name. Most labels have few values by nature; those that a site's configuration has a
/// say in (tasks, scopes) must not fill Prometheus either.
const MOST: usize = 500;

/// Numbers of one name, told apart by their labels.
#[derive(Debug)]
pub(crate) struct Gauges<const N: usize> {
    name: &'static str,
    about: &'static str,
    labels: [&'static str; N],
    series: BTreeMap<[String; N], f64>,
}

impl<const N: usize> Gauges<N> {
    /// None yet; `about` is a sentence.
    pub(crate) fn new(name: &'static str, about: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, about, labels, series: BTreeMap::new() }
    }

    /// The number of these labels.
    pub(crate) fn set(&mut self, labels: [&str; N], value: f64) {
        self.series.insert(labels.map(str::to_owned), value);
    }

    /// So much more.
    pub(crate) fn add(&mut self, labels: [&str; N], value: f64) {
        *self.series.entry(labels.map(str::to_owned)).or_default() += value;
    }

    /// The greatest number so far.
    pub(crate) fn raise(&mut self, labels: [&str; N], value: f64) {
        let of = self.series.entry(labels.map(str::to_owned)).or_insert(value);
        *of = of.max(value);
    }
}

/// A moment as Prometheus counts: seconds since 1970.
pub(crate) fn seconds(at: Micros) -> f64 {
    at as f64 / 1e6
}

/// The text in the making.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    /// Appends the series; nothing where there are none.
    pub(crate) fn push<const N: usize>(&mut self, gauges: &Gauges<N>) {
        let Gauges { name, about, labels, series } = gauges;
        if series.is_empty() {
            return;
        }
        self.head(name, "gauge", about);
        for (values, value) in series.iter().take(MOST) {
            let labels: Vec<String> = labels
                .iter()
                .zip(values)
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            // Writing to a String cannot fail.
            let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
        }
        self.left_out += series.len().saturating_sub(MOST);
    }

    /// Appends a number that has no labels.
    pub(crate) fn number(&mut self, name: &str, kind: &str, about: &str, value: f64) {
        self.head(name, kind, about);
        let _ = writeln!(self.text, "{name} {value}");
    }

    /// Series that were too many.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, kind: &str, about: &str) {
        let _ = writeln!(self.text, "# HELP {name} {about}\n# TYPE {name} {kind}");
    }
}

/// The text of a table between the quotes of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<const N: usize>(gauges: &Gauges<N>) -> String {
        let mut page = Page::default();
        page.push(gauges);
        page.into_text()
    }

    #[test]
    fn series_have_a_head_and_safe_labels() {
        let mut gauges = Gauges::new("g", "About.", ["a", "b"]);
        assert_eq!(text(&gauges), "", "nothing is said of what is not there");
        gauges.set(["x", "\"1\"\\\n"], 0.5);
        gauges.add(["w", ""], 1.0);
        gauges.add(["w", ""], 2.0);
        let expected = [
            "# HELP g About.",
            "# TYPE g gauge",
            r#"g{a="w",b=""} 3"#,
            r#"g{a="x",b="\"1\"\\\n"} 0.5"#,
        ];
        assert_eq!(text(&gauges).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_greatest_stays_also_below_zero() {
        let mut gauges = Gauges::new("g", "About.", ["a"]);
        for value in [-3.0, -1.0, -2.0] {
            gauges.raise(["x"], value);
        }
        assert!(text(&gauges).ends_with("g{a=\"x\"} -1\n"), "{}", text(&gauges));
    }

    #[test]
    fn what_is_too_many_is_counted() {
        let mut gauges = Gauges::new("g", "About.", ["a"]);
        for number in 0..MOST + 3 {
            gauges.set([&number.to_string()], 1.0);
        }
        let mut page = Page::default();
        page.push(&gauges);
        assert_eq!(page.left_out(), 3);
        assert_eq!(page.into_text().lines().count(), MOST + 2);
    }

    #[test]
    fn moments_are_seconds() {
        let mut page = Page::default();
        page.number("n", "gauge", "About.", seconds(1_773_064_800_500_000));
        assert!(page.into_text().ends_with("n 1773064800.5\n"));
    }
}
