# The plan of addresses: half for pods, a sixteenth for services and for the nodes of each zone.
# A zone keeps its subnet when another is added behind it.

variable "cidr" {
  description = "Addresses of the whole installation."
  type        = string
}

variable "zones" {
  description = "Zones in the order in which they got their subnets; append, never reorder."
  type        = list(string)
}

locals {
  # Sixteenths 0-3: nodes; quarters of 4: HDFS, of 5: public; 6 is free; 7: services; 8-15: pods.
  sixteenths = [for index in range(16) : cidrsubnet(var.cidr, 4, index)]
  hdfs       = [for index in range(4) : cidrsubnet(local.sixteenths[4], 2, index)]
  public     = [for index in range(4) : cidrsubnet(local.sixteenths[5], 2, index)]
  subnets = merge(
    { for index, zone in var.zones : "nodes-${zone}" => { cidr = local.sixteenths[index], zone = zone, use = "nodes" } },
    { for index, zone in var.zones : "hdfs-${zone}" => { cidr = local.hdfs[index], zone = zone, use = "hdfs" } },
    { for index, zone in var.zones : "public-${zone}" => { cidr = local.public[index], zone = zone, use = "public" } },
  )
}

output "cidr" {
  description = "Addresses of the whole installation."
  value       = var.cidr
}

output "subnets" {
  description = "Subnets by name."
  value       = local.subnets
}

output "pods_cidr" {
  description = "Addresses of pods, where the cluster's network gives them its own."
  value       = cidrsubnet(var.cidr, 1, 1)
}

output "services_cidr" {
  description = "Addresses of services."
  value       = local.sixteenths[7]
}

# What HDFS must let in, from where; the cloud's firewall and nftables are made from this.
output "flows" {
  description = "Ports that must be open, from which use of a subnet to which."
  value = [
    { from = "nodes", to = "hdfs", port = 8020, what = "NameNode" },
    { from = "nodes", to = "hdfs", port = 9866, what = "DataNode" },
    { from = "nodes", to = "hdfs", port = 88, what = "KDC" },
    { from = "hdfs", to = "hdfs", port = 8020, what = "NameNode" },
    { from = "hdfs", to = "hdfs", port = 8019, what = "failover controller" },
    { from = "hdfs", to = "hdfs", port = 8481, what = "JournalNode, transfer of edits" },
    { from = "hdfs", to = "hdfs", port = 8485, what = "JournalNode" },
    { from = "hdfs", to = "hdfs", port = 9866, what = "DataNode" },
    { from = "hdfs", to = "hdfs", port = 9867, what = "DataNode, administration" },
    { from = "hdfs", to = "hdfs", port = 9871, what = "NameNode, transfer of images" },
    { from = "hdfs", to = "hdfs", port = 2181, what = "ZooKeeper" },
    { from = "hdfs", to = "hdfs", port = 2888, what = "ZooKeeper, followers" },
    { from = "hdfs", to = "hdfs", port = 3888, what = "ZooKeeper, elections" },
    { from = "hdfs", to = "hdfs", port = 88, what = "KDC" },
  ]
}
