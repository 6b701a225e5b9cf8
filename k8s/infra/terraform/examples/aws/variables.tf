variable "region" {
  description = "Region; its zones are taken in the order of their letters."
  type        = string
}

variable "site" {
  description = "Short name of the installation."
  type        = string
}

variable "owner" {
  description = "Who is asked about what runs."
  type        = string
}

variable "dns_zone" {
  description = "Zone of names; it exists already as a private zone."
  type        = string
}

variable "cells" {
  description = "Cells of the network."
  type        = number
}

variable "gpu_nodes" {
  description = "Most nodes with a GPU."
  type        = number
  default     = 0
}

variable "kubernetes_version" {
  description = "Version of the control plane."
  type        = string
}

variable "host_image" {
  description = "Image (AMI) of Debian 12 for the hosts of HDFS."
  type        = string
}

variable "host_key_name" {
  description = "Key pair with which Ansible logs in."
  type        = string
}

variable "instance_types" {
  description = "Type for each shape of vCPU x GiB that the plan names; \"gpu\" for nodes with a GPU."
  type        = map(string)
  default = {
    "2x8"  = "m6i.large"
    "4x16" = "m6i.xlarge"
    "8x32" = "m6i.2xlarge"
    "gpu"  = "g5.4xlarge"
  }
}
