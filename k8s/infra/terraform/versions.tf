# No provider: these modules decide, the concrete cloud makes (examples/).
terraform {
  required_version = ">= 1.6"
}
