//! Puts the revision of the service into the binary.

fn main() {
    foresite_revision::emit();
}
