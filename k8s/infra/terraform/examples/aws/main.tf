# The plan of ../.. as resources of one cloud: a private network, EKS, hosts for HDFS, ECR, names.

module "foresite" {
  source = "../.."

  site      = var.site
  owner     = var.owner
  dns_zone  = var.dns_zone
  cells     = var.cells
  gpu_nodes = var.gpu_nodes
  zones     = slice(sort(data.aws_availability_zones.available.names), 0, 3)
}

data "aws_availability_zones" "available" {
  state = "available"
}

data "aws_route53_zone" "site" {
  name         = var.dns_zone
  private_zone = true
}

resource "aws_ecr_repository" "image" {
  for_each = module.foresite.repositories

  name                 = each.value.name
  image_tag_mutability = each.value.immutable ? "IMMUTABLE" : "MUTABLE"

  image_scanning_configuration {
    scan_on_push = each.value.scanned_on_push
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each = module.foresite.repositories

  repository = aws_ecr_repository.image[each.key].name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "keep ${each.value.keep_releases} releases"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = each.value.keep_releases }
      action       = { type = "expire" }
    }]
  })
}
