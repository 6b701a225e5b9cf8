output "inventory" {
  description = "Inventory for the playbook."
  value       = module.foresite.inventory
}

output "registry" {
  description = "Address of the image registry."
  value       = split("/", values(aws_ecr_repository.image)[0].repository_url)[0]
}

output "cluster" {
  description = "Name and address of the Kubernetes cluster."
  value       = { name = aws_eks_cluster.this.name, endpoint = aws_eks_cluster.this.endpoint }
}
