//! A 3GPP TS 32.435 measurement file: one element, one hour, four granularity periods.

use std::fmt::Write as _;

use super::counters::{
    CQI, CU, Counter, DU, ELEMENT, NEW_RELEASE, OLD_RELEASE, VENDOR, cqi_histogram, cu_values,
    du_values, element_values,
};
use super::csv::stamp;
use crate::calendar::{HOUR, Micros};
use crate::hour::Period;
use crate::network::Network;
use crate::radio::CellCounters;
use crate::state::QUARTER;

const HEADER: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<?xml-stylesheet type=\"text/xsl\" href=\"MeasDataCollection.xsl\"?>\n",
    "<measCollecFile xmlns=\"http://www.3gpp.org/ftp/specs/archive/32_series/32.435#measCollec\">\n",
);

/// What a file is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The network.
    pub(super) network: &'a Network,
    /// Index of the site.
    pub(super) site: usize,
    /// Start of the hour.
    pub(super) hour: Micros,
    /// Number of the period that the element marks as suspect, if any.
    pub(super) suspect: Option<usize>,
}

impl Subject<'_> {
    fn element(&self) -> &str {
        self.network.layout.sites[self.site].element(self.hour)
    }

    fn is_upgraded(&self, at: Micros) -> bool {
        let upgraded_at = self.network.layout.sites[self.site].upgraded_at;
        upgraded_at.is_some_and(|upgraded| at >= upgraded)
    }

    /// Numbers of the measured objects' cells, with the cells.
    fn cells<'p>(&self, period: &'p Period) -> impl Iterator<Item = (usize, &'p CellCounters)> {
        let layout = &self.network.layout;
        let sectors = &layout.sectors[layout.sites[self.site].sectors.clone()];
        let cells = sectors.iter().flat_map(|sector| &sector.cells);
        cells.filter_map(|&cell| Some((layout.cells[cell].number, period.cells[cell].as_ref()?)))
    }
}

/// The text of a file; none when nothing was measured.
pub(super) fn render(subject: &Subject<'_>, periods: &[Period]) -> Option<String> {
    let site = &subject.network.layout.sites[subject.site];
    let region = &subject.network.layout.regions[site.region].id;
    let element = subject.element();
    let mut text = String::with_capacity(64 * 1024);
    text.push_str(HEADER);
    let (begin, end) = (stamp(subject.hour), stamp(subject.hour + HOUR));
    let release = release(subject.is_upgraded(subject.hour + HOUR - 1));
    put(
        &mut text,
        format_args!(
            "<fileHeader fileFormatVersion=\"32.435 V10.0\" vendorName=\"{VENDOR}\" \
         dnPrefix=\"SubNetwork={region}\">\n\
         <fileSender localDn=\"ManagedElement={element}\" elementType=\"gNB\"/>\n\
         <measCollec beginTime=\"{begin}\"/>\n</fileHeader>\n<measData>\n\
         <managedElement localDn=\"ManagedElement={element}\" userLabel=\"{}\" swVersion=\"{release}\"/>\n",
            site.name(),
        ),
    );
    let mut measured = false;
    for (number, period) in periods.iter().enumerate() {
        let state = &period.states[subject.site];
        if state.is_measured() {
            let suspect = subject.suspect == Some(number) || state.dark_s > 0.0;
            period_blocks(&mut text, subject, period, suspect);
            measured = true;
        }
    }
    put(
        &mut text,
        format_args!(
            "</measData>\n<fileFooter>\n<measCollec endTime=\"{end}\"/>\n</fileFooter>\n</measCollecFile>\n"
        ),
    );
    measured.then_some(text)
}

fn release(upgraded: bool) -> &'static str {
    if upgraded { NEW_RELEASE } else { OLD_RELEASE }
}

fn period_blocks(text: &mut String, subject: &Subject<'_>, period: &Period, suspect: bool) {
    let upgraded = subject.is_upgraded(period.start);
    let element = subject.element();
    open_block(text, "NRCellDU", period.start, DU.iter().map(|c| c.name(upgraded)).chain([CQI]));
    for (number, cell) in subject.cells(period) {
        put(
            text,
            format_args!(
                "<measValue measObjLdn=\"ManagedElement={element},GNBDUFunction=1,NRCellDU={number}\">\n"
            ),
        );
        results(text, DU, upgraded, &du_values(cell));
        histogram(text, DU.len() + 1, &cqi_histogram(cell));
        close_value(text, suspect);
    }
    text.push_str("</measInfo>\n");
    open_block(text, "NRCellCU", period.start, CU.iter().map(|c| c.name(upgraded)));
    for (number, cell) in subject.cells(period) {
        put(
            text,
            format_args!(
                "<measValue measObjLdn=\"ManagedElement={element},GNBCUCPFunction=1,NRCellCU={number}\">\n"
            ),
        );
        results(text, CU, upgraded, &cu_values(cell).map(Some));
        close_value(text, suspect);
    }
    text.push_str("</measInfo>\n");
    open_block(text, "ManagedElement", period.start, ELEMENT.iter().map(|c| c.name(upgraded)));
    put(text, format_args!("<measValue measObjLdn=\"ManagedElement={element}\">\n"));
    let values = element_values(&period.sites[subject.site]);
    results(text, ELEMENT, upgraded, &values.map(Some));
    close_value(text, suspect);
    text.push_str("</measInfo>\n");
}

fn open_block<'a>(
    text: &mut String,
    class: &str,
    start: Micros,
    names: impl Iterator<Item = &'a str>,
) {
    let end = stamp(start + QUARTER);
    put(
        text,
        format_args!(
            "<measInfo measInfoId=\"{class}\">\n<job jobId=\"PREDEF_{class}\"/>\n\
         <granPeriod duration=\"PT900S\" endTime=\"{end}\"/>\n<repPeriod duration=\"PT3600S\"/>\n"
        ),
    );
    for (name, place) in names.zip(1..) {
        put(text, format_args!("<measType p=\"{place}\">{name}</measType>\n"));
    }
}

fn results(text: &mut String, counters: &[Counter], upgraded: bool, values: &[Option<f64>]) {
    for ((counter, value), place) in counters.iter().zip(values).zip(1..) {
        text.push_str("<r p=\"");
        integer(text, place);
        text.push_str("\">");
        match value {
            Some(value) => {
                let (factor, decimals) = counter.form(upgraded);
                number(text, value * factor, decimals);
            }
            // As genuine files write a missing value.
            None => text.push(' '),
        }
        text.push_str("</r>\n");
    }
}

fn histogram(text: &mut String, place: usize, bins: &[f64]) {
    put(text, format_args!("<r p=\"{place}\">"));
    for (index, bin) in bins.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        number(text, *bin, 0);
    }
    text.push_str("</r>\n");
}

fn close_value(text: &mut String, suspect: bool) {
    if suspect {
        text.push_str("<suspect>true</suspect>\n");
    }
    text.push_str("</measValue>\n");
}

/// Writes a number with at most so many decimals; faster than the general formatter, which would
/// take most of the time of a large history.
fn number(text: &mut String, value: f64, decimals: u32) {
    let unit = 10_i64.pow(decimals);
    let scaled = (value * unit as f64).round() as i64;
    if scaled < 0 {
        text.push('-');
    }
    let (whole, rest) = (scaled.unsigned_abs() / unit as u64, scaled.unsigned_abs() % unit as u64);
    integer(text, whole);
    if rest > 0 {
        put(text, format_args!(".{rest:0width$}", width = decimals as usize));
    }
}

fn integer(text: &mut String, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Formatting into a string cannot fail.
fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain() {
        for (value, decimals, expected) in [
            (0.0, 0, "0"),
            (1234.0, 0, "1234"),
            (12.5, 2, "12.50"),
            (12.0, 2, "12"),
            (-0.3, 1, "-0.3"),
            (0.05, 3, "0.050"),
        ] {
            let mut text = String::new();
            number(&mut text, value, decimals);
            assert_eq!(text, expected);
        }
    }
}
