output "name" {
  description = "Prefix of all names."
  value       = local.name
}

output "tags" {
  description = "Tags of everything."
  value       = local.tags
}

output "network" {
  description = "Subnets by name: cidr, zone and use (nodes, hdfs, public), and the ranges of pods and services."
  value       = module.network
}

output "node_pools" {
  description = "Pools of the Kubernetes cluster by name: shape, least and most nodes, labels, taints."
  value       = module.cluster.node_pools
}

output "shards" {
  description = "Shards into which an hour is divided (Airflow's variable of the fan-out)."
  value       = module.cluster.shards
}

output "hosts" {
  description = "Hosts of HDFS by name: groups of the Ansible inventory, zone, shape, disks."
  value       = module.storage.hosts
}

output "capacity" {
  description = "Bytes that the site needs and that its DataNodes hold, copies counted."
  value       = module.storage.capacity
}

output "repositories" {
  description = "Repositories of the image registry by image: name and releases to keep."
  value       = module.registry.repositories
}

output "records" {
  description = "Names in DNS: host and service names and what each is for."
  value       = module.dns.records
}

output "inventory" {
  description = "Inventory for ../ansible, ready to be written to a file."
  value = templatefile("${path.module}/inventory.tftpl", {
    hosts = { for name, host in module.storage.hosts : "${name}.${var.dns_zone}" => host }
  })
}
