# From the size of a network to what a cloud must make. Pure: the same variables, the same plan.

locals {
  name = "${var.site}-${var.environment}"
  tags = merge(var.tags, {
    application = "foresite"
    site        = var.site
    environment = var.environment
    owner       = var.owner
    managed-by  = "terraform"
  })
}

module "network" {
  source = "./modules/network"

  cidr  = var.network_cidr
  zones = var.zones
}

module "cluster" {
  source = "./modules/cluster"

  name       = local.name
  cells      = var.cells
  unit_costs = var.unit_costs
  targets    = var.targets
  node       = var.node
  gpu_nodes  = var.gpu_nodes
}

module "storage" {
  source = "./modules/storage"

  name           = local.name
  cells          = var.cells
  unit_costs     = var.unit_costs
  retention_days = var.retention_days
  datanode       = var.datanode
  zones          = var.zones
}

module "registry" {
  source = "./modules/registry"

  name          = local.name
  images        = var.images
  keep_releases = var.keep_releases
}

module "dns" {
  source = "./modules/dns"

  zone     = var.dns_zone
  hosts    = keys(module.storage.hosts)
  services = ["airflow", "anomaly-detection", "capacity-planning", "predictive-maintenance"]
}
