variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "cells" {
  description = "Cells of the network."
  type        = number
}

variable "unit_costs" {
  description = "CPU seconds and MiB of one cell, in an hour's run and in a training."
  type = object({
    hour_cpu_seconds     = number
    training_cpu_seconds = number
    hour_memory_mib      = number
    training_memory_mib  = number
  })
}

variable "targets" {
  description = "Minutes that runs may take, share of a node that work may use, cells of a shard, most nodes."
  type = object({
    hour_minutes     = number
    training_minutes = number
    utilisation      = number
    cells_per_shard  = number
    most_nodes       = number
  })
}

variable "node" {
  description = "Shape of a node that runs stages."
  type = object({
    vcpu       = number
    memory_gib = number
    disk_gib   = number
  })
}

variable "gpu_nodes" {
  description = "Most nodes with a GPU."
  type        = number
}
