# What a cluster refuses, on the module alone.

variables {
  name  = "north-production"
  cells = 100000
  unit_costs = {
    hour_cpu_seconds     = 0.9
    training_cpu_seconds = 14.4
    hour_memory_mib      = 1
    training_memory_mib  = 4
  }
  targets = {
    hour_minutes     = 15
    training_minutes = 240
    utilisation      = 0.7
    cells_per_shard  = 2000
    most_nodes       = 36
  }
  node      = { vcpu = 8, memory_gib = 32, disk_gib = 200 }
  gpu_nodes = 0
}

run "takes_as_many_nodes_as_allowed" {
  command = plan
  module {
    source = "./modules/cluster"
  }

  assert {
    condition     = output.node_pools.stages.most == 36
    error_message = "expected 36 nodes, got ${output.node_pools.stages.most}"
  }
}

run "refuses_more_nodes_than_allowed" {
  command = plan
  module {
    source = "./modules/cluster"
  }
  variables {
    cells = 103000
  }
  expect_failures = [output.node_pools]
}

run "refuses_a_shard_larger_than_a_node" {
  command = plan
  module {
    source = "./modules/cluster"
  }
  variables {
    # 6,000 cells of 4 MiB are 23.4 GiB, more than 70 % of 32.
    targets = {
      hour_minutes     = 15
      training_minutes = 240
      utilisation      = 0.7
      cells_per_shard  = 6000
      most_nodes       = 36
    }
  }
  expect_failures = [output.node_pools]
}
