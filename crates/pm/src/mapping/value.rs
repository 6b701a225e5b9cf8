//! Values of the rows: texts and numbers, wherever the mapping says they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Float64Builder, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::MappingError;
use super::frame::Frame;
use super::leaf::{Template, TemplatePart, Translation, Value};
use super::number::{NumberRules, clean_column, is_missing, parse_number};
use super::pattern::Captures;

/// What values are read from.
pub(super) struct Scope<'a> {
    pub(super) frame: &'a Frame,
    pub(super) captures: &'a Captures,
    /// The mapping's own words for "no value".
    pub(super) missing: &'a [String],
}

/// Rows that cannot be used: the first reason of each.
#[derive(Debug, Default)]
pub(super) struct Rejects(BTreeMap<usize, String>);

impl Rejects {
    pub(super) fn add(&mut self, row: usize, reason: impl FnOnce() -> String) {
        self.0.entry(row).or_insert_with(reason);
    }

    pub(super) fn has(&self, row: usize) -> bool {
        !self.0.is_empty() && self.0.contains_key(&row)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.iter().map(|(row, reason)| (*row, reason.as_str()))
    }
}

/// A text per row.
#[derive(Debug, Clone)]
pub(super) enum Texts {
    Same(Option<String>),
    Each(StringArray),
}

impl Texts {
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Same(text) => text.as_deref(),
            Self::Each(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }

    /// As a column of `rows` rows.
    pub(super) fn array(&self, rows: usize) -> ArrayRef {
        match self {
            Self::Same(text) => {
                Arc::new((0..rows).map(|_| text.as_deref()).collect::<StringArray>())
            }
            Self::Each(texts) => Arc::new(texts.clone()),
        }
    }
}

impl Scope<'_> {
    /// The column that `value` names, where it names one.
    pub(super) fn column(&self, value: &Value) -> Result<Option<ArrayRef>, MappingError> {
        match value {
            Value::Column(name) => Ok(Some(Arc::clone(self.frame.column(name)?))),
            Value::Position(position) => Ok(Some(Arc::clone(self.frame.at(*position)?))),
            Value::Optional(name) if self.frame.names().contains(name) => {
                Ok(Some(Arc::clone(self.frame.column(name)?)))
            }
            _ => Ok(None),
        }
    }

    /// `value` as text; blanks are null.
    pub(super) fn texts(
        &self,
        value: &Value,
        rejects: &mut Rejects,
    ) -> Result<Texts, MappingError> {
        if let Some(column) = self.column(value)? {
            return Ok(Texts::Each(self.column_texts(&column)?));
        }
        match value {
            Value::Column(_) | Value::Optional(_) | Value::Position(_) => Ok(Texts::Same(None)),
            Value::Capture(name) => self.capture(name),
            Value::Constant(text) => Ok(Texts::Same(Some(text.clone()))),
            Value::Template(template) => self.template(template, rejects),
            Value::Map(translation) => self.translate(translation, rejects),
            Value::FirstOf(values) => self.first_of(values, rejects),
        }
    }

    fn first_of(&self, values: &[Value], rejects: &mut Rejects) -> Result<Texts, MappingError> {
        let each = values.iter().map(|value| self.texts(value, rejects));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        let first = |row: usize| each.iter().find_map(|texts| texts.get(row));
        Ok(Texts::Each((0..self.frame.rows()).map(first).collect()))
    }

    fn column_texts(&self, column: &ArrayRef) -> Result<StringArray, MappingError> {
        let texts = cast(column, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        if self.missing.is_empty() {
            return Ok(texts.clone());
        }
        let is_value = |text: &&str| !self.missing.iter().any(|word| word == text);
        Ok(texts.iter().map(|text| text.filter(is_value)).collect())
    }

    /// A capture of the path, or of the column's name where columns are entities.
    fn capture(&self, name: &str) -> Result<Texts, MappingError> {
        if let Some(text) = self.captures.get(name) {
            return Ok(Texts::Same(Some(text.clone())));
        }
        Ok(Texts::Each(self.column_texts(self.frame.column(name)?)?))
    }

    fn template(&self, template: &Template, rejects: &mut Rejects) -> Result<Texts, MappingError> {
        let mut places = BTreeMap::new();
        for part in &template.parts {
            if let TemplatePart::Place(name) = part {
                places.insert(name.as_str(), self.capture(name)?);
            }
        }
        let fill = |row: usize, text: &mut String| -> Option<()> {
            for part in &template.parts {
                text.push_str(match part {
                    TemplatePart::Literal(literal) => literal,
                    TemplatePart::Place(name) => places.get(name.as_str())?.get(row)?,
                });
            }
            Some(())
        };
        if places.values().all(|place| matches!(place, Texts::Same(_))) {
            let mut text = String::new();
            return Ok(Texts::Same(fill(0, &mut text).map(|()| text)));
        }
        let mut text = String::new();
        let mut each = arrow::array::StringBuilder::new();
        for row in 0..self.frame.rows() {
            text.clear();
            match fill(row, &mut text) {
                Some(()) => each.append_value(&text),
                None => {
                    rejects.add(row, || "a part of the composite key is missing".into());
                    each.append_null();
                }
            }
        }
        Ok(Texts::Each(each.finish()))
    }

    fn translate(&self, words: &Translation, rejects: &mut Rejects) -> Result<Texts, MappingError> {
        let of = self.texts(&words.of, rejects)?;
        let become_ = |text: &str| words.to.get(text).or(words.other.as_ref()).cloned();
        if let Texts::Same(Some(text)) = &of {
            let fault = || MappingError::Word { word: text.clone() };
            return Ok(Texts::Same(Some(become_(text).ok_or_else(fault)?)));
        }
        let translated = (0..self.frame.rows()).map(|row| {
            let text = of.get(row)?;
            let word = become_(text);
            if word.is_none() {
                rejects.add(row, || format!("`{text}` is not among the words of the mapping"));
            }
            word
        });
        Ok(Texts::Each(translated.collect()))
    }

    /// `value` as numbers, cleaned and scaled.
    pub(super) fn numbers(
        &self,
        value: &Value,
        rules: &NumberRules<'_>,
        rejects: &mut Rejects,
    ) -> Result<Float64Array, MappingError> {
        if let Some(column) = self.column(value)?
            && (column.data_type().is_numeric() || column.data_type() == &DataType::Boolean)
        {
            return clean_column(&column, rules);
        }
        let texts = self.texts(value, rejects)?;
        let mut numbers = Float64Builder::with_capacity(self.frame.rows());
        for row in 0..self.frame.rows() {
            let text = texts.get(row);
            numbers.append_option(text.and_then(|text| self.number(text, rules, row, rejects)));
        }
        Ok(numbers.finish())
    }

    /// One number; `None` for "no value", and for what is no number and rejects its row.
    pub(super) fn number(
        &self,
        text: &str,
        rules: &NumberRules<'_>,
        row: usize,
        rejects: &mut Rejects,
    ) -> Option<f64> {
        if self.is_missing(text) {
            return None;
        }
        let number = parse_number(text, rules.decimal_comma);
        if number.is_none() {
            rejects.add(row, || format!("`{}`: `{text}` is not a number", rules.name));
        }
        number.and_then(|number| rules.clean(number))
    }

    fn is_missing(&self, text: &str) -> bool {
        is_missing(text) || self.missing.iter().any(|word| word == text)
    }
}
