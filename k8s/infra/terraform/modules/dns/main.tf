# Names of hosts and of services. Kerberos and certificates are made of these names, so they hold
# also where an address changes.

variable "zone" {
  description = "Zone, without a final point."
  type        = string
}

variable "hosts" {
  description = "Short names of the hosts of HDFS."
  type        = list(string)
}

variable "services" {
  description = "Short names of what people and programs call in the cluster."
  type        = list(string)
}

locals {
  records = merge(
    { for host in var.hosts : "${host}.${var.zone}" => { kind = "host", target = host, ttl_seconds = 300 } },
    { for service in var.services : "${service}.${var.zone}" => { kind = "service", target = service, ttl_seconds = 60 } },
  )
}

output "records" {
  description = "Records by full name."
  value       = local.records

  precondition {
    condition     = length(setintersection(var.hosts, var.services)) == 0
    error_message = "a service has the name of a host: ${join(", ", setintersection(var.hosts, var.services))}."
  }
}
