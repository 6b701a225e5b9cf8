variable "site" {
  description = "Short name of the installation; every name begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.site))
    error_message = "site must be 3 to 20 of a-z, 0-9 and -, beginning with a letter and not ending with -."
  }
}

variable "environment" {
  description = "Stage of the installation, part of every name."
  type        = string
  default     = "production"

  validation {
    condition     = contains(["laboratory", "staging", "production"], var.environment)
    error_message = "environment must be laboratory, staging or production."
  }
}

variable "owner" {
  description = "Who is asked about what runs and what it costs; a tag."
  type        = string
}

variable "tags" {
  description = "More tags; those of these modules win."
  type        = map(string)
  default     = {}
}

variable "cells" {
  description = "Cells whose measurements arrive every hour."
  type        = number

  validation {
    condition     = var.cells >= 1 && var.cells <= 1000000 && floor(var.cells) == var.cells
    error_message = "cells must be a whole number from 1 to 1,000,000."
  }
}

variable "unit_costs" {
  description = <<-EOT
    What one cell costs. CPU and memory are those of docs/performance.md (84 cells, debug profile)
    divided by cells, start of the processes included, so that they are too high for a large network;
    table_bytes is an estimate. Measure yours with `make bench` and say so here.
  EOT
  type = object({
    hour_cpu_seconds     = optional(number, 0.06)
    training_cpu_seconds = optional(number, 0.5)
    hour_memory_mib      = optional(number, 2.2)
    training_memory_mib  = optional(number, 6.1)
    landing_bytes        = optional(number, 1700)
    table_bytes          = optional(number, 4000)
  })
  default = {}

  validation {
    condition     = alltrue([for cost in values(var.unit_costs) : cost > 0])
    error_message = "every unit cost must be above 0."
  }
}

variable "targets" {
  description = "What the sizes must keep: minutes for an hour's run and for a training, share of a node that work may use, cells of one shard, most nodes of a pool."
  type = object({
    hour_minutes     = optional(number, 15)
    training_minutes = optional(number, 240)
    utilisation      = optional(number, 0.7)
    cells_per_shard  = optional(number, 2000)
    most_nodes       = optional(number, 50)
  })
  default = {}

  validation {
    condition     = var.targets.hour_minutes > 0 && var.targets.hour_minutes <= 60 && var.targets.training_minutes > 0
    error_message = "hour_minutes must be above 0 and at most 60, training_minutes above 0."
  }

  validation {
    condition     = var.targets.utilisation > 0 && var.targets.utilisation <= 1
    error_message = "utilisation must be above 0 and at most 1."
  }
}

variable "node" {
  description = "Shape of a node that runs stages."
  type = object({
    vcpu       = optional(number, 8)
    memory_gib = optional(number, 32)
    disk_gib   = optional(number, 200)
  })
  default = {}
}

variable "gpu_nodes" {
  description = "Most nodes with a GPU; 0 means that networks train on CPUs."
  type        = number
  default     = 0
}

variable "retention_days" {
  description = "Days that raw files and tables are kept."
  type = object({
    landing = optional(number, 90)
    tables  = optional(number, 820)
  })
  default = {}
}

variable "datanode" {
  description = "Shape of a DataNode, copies of a block, and the share of its disks that blocks may fill."
  type = object({
    disks       = optional(number, 4)
    disk_gib    = optional(number, 2000)
    vcpu        = optional(number, 8)
    memory_gib  = optional(number, 32)
    replication = optional(number, 3)
    fill        = optional(number, 0.7)
  })
  default = {}
}

variable "network_cidr" {
  description = "Addresses of the whole installation, /20 or larger."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && try(tonumber(split("/", var.network_cidr)[1]), 33) <= 20
    error_message = "network_cidr must be an IPv4 network of /20 or larger, such as 10.64.0.0/16."
  }
}

variable "zones" {
  description = "Zones of the cloud, three for an HDFS that survives the loss of one."
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(var.zones) >= 1 && length(var.zones) <= 4 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be one to four different names."
  }
}

variable "dns_zone" {
  description = "Zone of the names of hosts and services."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.dns_zone))
    error_message = "dns_zone must be a domain such as foresite.example, without a final point."
  }
}

variable "images" {
  description = "Images of the pipeline and of the services, each with a repository; `docker/images.sh` builds them."
  type        = set(string)
  default = [
    "advise", "derive", "evaluate", "export", "featurize", "ingest", "maintain", "monitor", "predict", "promote", "simulate", "train",
    "validate", "serve", "serve-anomaly", "serve-maintenance", "serve-capacity", "train-cuda", "airflow",
  ]
}

variable "keep_releases" {
  description = "Releases of an image that stay in the registry; a run that pinned an old one must still find it."
  type        = number
  default     = 20

  validation {
    condition     = var.keep_releases >= 2
    error_message = "keep_releases must be 2 or more: a roll back needs the release before."
  }
}
