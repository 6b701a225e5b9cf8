variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "cells" {
  description = "Cells of the network."
  type        = number
}

variable "unit_costs" {
  description = "Bytes of one cell and hour, as raw files and in tables."
  type = object({
    landing_bytes = number
    table_bytes   = number
  })
}

variable "retention_days" {
  description = "Days that raw files and tables are kept."
  type = object({
    landing = number
    tables  = number
  })
}

variable "datanode" {
  description = "Shape of a DataNode, copies of a block, share of the disks that blocks may fill."
  type = object({
    disks       = number
    disk_gib    = number
    vcpu        = number
    memory_gib  = number
    replication = number
    fill        = number
  })
}

variable "zones" {
  description = "Zones among which hosts are spread."
  type        = list(string)
}
