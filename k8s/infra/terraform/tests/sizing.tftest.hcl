# Sizes follow from cells by hand-computed numbers. Nothing is made: every run plans.

variables {
  site     = "north"
  owner    = "operations"
  dns_zone = "foresite.example"
  cells    = 10000
  unit_costs = {
    hour_cpu_seconds     = 0.9
    training_cpu_seconds = 14.4
    hour_memory_mib      = 1
    training_memory_mib  = 4
    landing_bytes        = 1000
    table_bytes          = 2000
  }
}

run "ten_thousand_cells" {
  command = plan

  # 10,000 x 0.9 s / 900 s / 0.7 = 14.3 vCPU: two nodes of 8. Training: 10,000 x 14.4 / 14,400 / 0.7
  # = 14.3 more: 28.6 in all, four nodes.
  assert {
    condition     = output.node_pools.stages.least == 2 && output.node_pools.stages.most == 4
    error_message = "expected 2 to 4 nodes, got ${output.node_pools.stages.least} to ${output.node_pools.stages.most}"
  }

  assert {
    condition     = output.shards == 5
    error_message = "10,000 cells in shards of 2,000 are 5, got ${output.shards}"
  }

  # (90 x 24 x 1,000 + 820 x 24 x 2,000) x 10,000 x 3 = 1,245,600,000,000 bytes.
  assert {
    condition     = output.capacity.needed_bytes == 1245600000000
    error_message = "expected 1,245,600,000,000 bytes, got ${output.capacity.needed_bytes}"
  }

  assert {
    condition     = length([for name, host in output.hosts : name if contains(host.groups, "datanodes")]) == 4
    error_message = "three copies need four DataNodes"
  }

  assert {
    condition     = !contains(keys(output.node_pools), "gpu")
    error_message = "no GPU was asked for"
  }
}

run "ten_times_the_cells" {
  command = plan
  variables {
    cells    = 100000
    datanode = { disks = 1, disk_gib = 1000, fill = 0.5 }
  }

  # 142.9 vCPU at rest: 18 nodes; 285.7: 36 nodes.
  assert {
    condition     = output.node_pools.stages.least == 18 && output.node_pools.stages.most == 36
    error_message = "expected 18 to 36 nodes, got ${output.node_pools.stages.least} to ${output.node_pools.stages.most}"
  }

  # 12,456 GB over 536.87 GB a DataNode is 23.2: 24, and one more.
  assert {
    condition     = length([for name, host in output.hosts : name if contains(host.groups, "datanodes")]) == 25
    error_message = "expected 25 DataNodes"
  }

  assert {
    condition     = output.capacity.held_bytes >= output.capacity.needed_bytes
    error_message = "without one DataNode the rest must hold everything"
  }
}

run "gpu_nodes_keep_others_away" {
  command = plan
  variables {
    gpu_nodes = 2
  }

  assert {
    condition     = output.node_pools.gpu.most == 2 && output.node_pools.gpu.least == 0
    error_message = "expected 0 to 2 nodes with GPUs"
  }

  assert {
    condition     = output.node_pools.gpu.taints[0].effect == "NoSchedule"
    error_message = "a node with a GPU must refuse other pods"
  }
}

run "refuses_no_cells" {
  command = plan
  variables {
    cells = 0
  }
  expect_failures = [var.cells]
}
