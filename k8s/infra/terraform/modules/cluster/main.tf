# How many nodes of which shape the Kubernetes cluster needs: work of an hour over the time that it
# may take, by measured costs of one cell. Memory of a shard decides what a node must hold.

locals {
  shards = ceil(var.cells / var.targets.cells_per_shard)

  hour_vcpu     = var.cells * var.unit_costs.hour_cpu_seconds / (var.targets.hour_minutes * 60) / var.targets.utilisation
  training_vcpu = var.cells * var.unit_costs.training_cpu_seconds / (var.targets.training_minutes * 60) / var.targets.utilisation

  cells_of_shard   = min(var.cells, var.targets.cells_per_shard)
  shard_memory_gib = local.cells_of_shard * max(var.unit_costs.hour_memory_mib, var.unit_costs.training_memory_mib) / 1024

  # At rest enough for an hour's run, at most what a training beside it needs.
  least = max(2, ceil(local.hour_vcpu / var.node.vcpu))
  most  = max(local.least + 1, ceil((local.hour_vcpu + local.training_vcpu) / var.node.vcpu))

  node_pools = merge(
    {
      system = {
        name   = "${var.name}-system", vcpu = 4, memory_gib = 16, disk_gib = 100, gpu = false
        least  = 2, most = 3
        labels = { "foresite.dev/pool" = "system" }
        taints = []
      }
      stages = {
        name     = "${var.name}-stages", vcpu = var.node.vcpu, memory_gib = var.node.memory_gib
        disk_gib = var.node.disk_gib, gpu = false
        least    = local.least, most = local.most
        labels   = { "foresite.dev/pool" = "stages" }
        taints   = []
      }
      # Two at rest, so that a service survives the loss of a node.
      serving = {
        name   = "${var.name}-serving", vcpu = 4, memory_gib = 16, disk_gib = 100, gpu = false
        least  = 2, most = 4
        labels = { "foresite.dev/pool" = "serving" }
        taints = []
      }
    },
    var.gpu_nodes == 0 ? {} : {
      gpu = {
        name   = "${var.name}-gpu", vcpu = 8, memory_gib = 64, disk_gib = 200, gpu = true
        least  = 0, most = var.gpu_nodes
        labels = { "foresite.dev/pool" = "gpu", "nvidia.com/gpu.present" = "true" }
        taints = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    },
  )
}

output "node_pools" {
  description = "Pools by name."
  value       = local.node_pools

  precondition {
    condition     = local.most <= var.targets.most_nodes
    error_message = "${var.cells} cells need ${local.most} nodes, more than ${var.targets.most_nodes}: raise targets.most_nodes, take larger nodes or measure unit_costs."
  }

  precondition {
    condition     = local.shard_memory_gib <= var.node.memory_gib * var.targets.utilisation
    error_message = "a shard of ${local.cells_of_shard} cells needs ${ceil(local.shard_memory_gib)} GiB, more than a node of ${var.node.memory_gib} GiB gives: lower targets.cells_per_shard."
  }
}

output "shards" {
  description = "Shards of an hour."
  value       = local.shards
}
