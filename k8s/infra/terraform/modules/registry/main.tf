# Repositories of images. Tags do not move: a run that pinned a digest must find it again.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "images" {
  description = "Images by their short name."
  type        = set(string)

  validation {
    condition     = alltrue([for image in var.images : can(regex("^[a-z][a-z0-9-]*$", image))])
    error_message = "images must be names of a-z, 0-9 and -."
  }
}

variable "keep_releases" {
  description = "Releases that stay."
  type        = number
}

output "repositories" {
  description = "Repositories by image."
  value = {
    for image in var.images : image => {
      name            = "${var.name}/${image}"
      keep_releases   = var.keep_releases
      immutable       = true
      scanned_on_push = true
    }
  }
}
