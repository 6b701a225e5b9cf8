# The hosts of HDFS: three for the quorums, two NameNodes, and DataNodes for what is kept. Numbers are
# given from 1 and never change, because ids and certificates are made from them.

locals {
  hours          = { landing = var.retention_days.landing * 24, tables = var.retention_days.tables * 24 }
  landing_bytes  = var.cells * local.hours.landing * var.unit_costs.landing_bytes
  table_bytes    = var.cells * local.hours.tables * var.unit_costs.table_bytes
  needed_bytes   = (local.landing_bytes + local.table_bytes) * var.datanode.replication
  datanode_bytes = var.datanode.disks * var.datanode.disk_gib * pow(1024, 3) * var.datanode.fill

  # One more than copies, so that a lost DataNode leaves room for its blocks.
  datanodes = max(var.datanode.replication + 1, ceil(local.needed_bytes / local.datanode_bytes) + 1)

  kinds = {
    quorum   = { count = 3, groups = ["zookeeper", "journalnodes"], vcpu = 2, memory_gib = 8, disks = 1, disk_gib = 100 }
    namenode = { count = 2, groups = ["namenodes"], vcpu = 4, memory_gib = 16, disks = 2, disk_gib = 100 }
    datanode = {
      count = local.datanodes, groups = ["datanodes"], vcpu = var.datanode.vcpu, memory_gib = var.datanode.memory_gib
      disks = var.datanode.disks, disk_gib = var.datanode.disk_gib
    }
  }
  hosts = merge([
    for kind, shape in local.kinds : {
      for number in range(1, shape.count + 1) : "${kind}-${number}" => merge(shape, {
        name   = "${var.name}-${kind}-${number}"
        number = number
        zone   = var.zones[(number - 1) % length(var.zones)]
      })
    }
  ]...)
}

output "hosts" {
  description = "Hosts by name within the zone of DNS."
  value       = local.hosts
}

output "capacity" {
  description = "Bytes needed, copies counted, and bytes that all DataNodes but one hold."
  value = {
    needed_bytes = local.needed_bytes
    held_bytes   = (local.datanodes - 1) * local.datanode_bytes
  }
}
