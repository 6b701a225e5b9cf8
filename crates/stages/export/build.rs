//! Puts the revision of the stage into the binary.

fn main() {
    foresite_revision::emit();
}
