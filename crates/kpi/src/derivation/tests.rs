//! Hand-computed tables, and the property that one wide interval equals many small ones.

mod fixture;
mod grouping;
mod knowledge;
mod values;
