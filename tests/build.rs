//! Puts the revision into the tiny stages.

fn main() {
    foresite_revision::emit();
}
