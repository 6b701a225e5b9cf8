# Names, tags, addresses, hosts and the inventory that Ansible gets. Nothing is made.

variables {
  site     = "north"
  owner    = "operations"
  dns_zone = "foresite.example"
  cells    = 1000
}

run "names_and_tags" {
  command = plan
  variables {
    tags = { owner = "somebody", cost-centre = "42" }
  }

  assert {
    condition     = output.name == "north-production" && output.repositories["ingest"].name == "north-production/ingest"
    error_message = "names begin with site and environment"
  }

  assert {
    condition     = output.tags["owner"] == "operations" && output.tags["cost-centre"] == "42"
    error_message = "our tags win, others stay"
  }

  assert {
    condition     = alltrue([for repository in values(output.repositories) : repository.immutable])
    error_message = "tags must not move"
  }
}

run "addresses_do_not_overlap" {
  command = plan

  assert {
    condition     = output.network.subnets["nodes-a"].cidr == "10.64.0.0/20" && output.network.subnets["hdfs-b"].cidr == "10.64.68.0/22"
    error_message = "got ${jsonencode(output.network.subnets)}"
  }

  assert {
    condition     = output.network.pods_cidr == "10.64.128.0/17" && output.network.services_cidr == "10.64.112.0/20"
    error_message = "got ${output.network.pods_cidr} and ${output.network.services_cidr}"
  }

  assert {
    condition     = length(distinct([for subnet in values(output.network.subnets) : subnet.cidr])) == 9
    error_message = "three uses in three zones are nine subnets"
  }
}

run "a_zone_keeps_its_subnet" {
  command = plan
  variables {
    zones = ["a", "b", "c", "d"]
  }

  assert {
    condition     = output.network.subnets["hdfs-b"].cidr == run.addresses_do_not_overlap.network.subnets["hdfs-b"].cidr
    error_message = "a fourth zone must not move the second"
  }
}

run "quorums_are_spread" {
  command = plan

  assert {
    condition     = length(distinct([for name, host in output.hosts : host.zone if contains(host.groups, "journalnodes")])) == 3
    error_message = "each JournalNode in a zone of its own"
  }

  assert {
    condition     = output.hosts["namenode-1"].zone != output.hosts["namenode-2"].zone
    error_message = "the NameNodes in different zones"
  }

  assert {
    condition     = strcontains(output.inventory, "quorum-3.foresite.example zookeeper_id=3\n") && strcontains(output.inventory, "namenode-2.foresite.example hadoop_namenode_id=nn2\n")
    error_message = output.inventory
  }

  assert {
    condition     = output.records["namenode-1.foresite.example"].kind == "host" && output.records["anomaly-detection.foresite.example"].kind == "service"
    error_message = "hosts and services have names"
  }
}

run "refuses_a_small_network" {
  command = plan
  variables {
    network_cidr = "10.0.0.0/24"
  }
  expect_failures = [var.network_cidr]
}

run "refuses_a_name_that_no_cloud_takes" {
  command = plan
  variables {
    site = "North_1"
  }
  expect_failures = [var.site]
}

run "refuses_a_registry_without_a_way_back" {
  command = plan
  variables {
    keep_releases = 1
  }
  expect_failures = [var.keep_releases]
}
