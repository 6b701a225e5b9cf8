# The hosts of HDFS with their disks and names; what runs on them is Ansible's.

locals {
  volumes = merge([
    for name, host in module.foresite.hosts : {
      for disk in range(host.disks) : "${name}-${disk}" => { host = name, zone = host.zone, gib = host.disk_gib, letter = substr("fghijklmnop", disk, 1) }
    }
  ]...)
}

resource "aws_security_group" "hdfs" {
  name   = "${module.foresite.name}-hdfs"
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "hdfs" {
  security_group_id = aws_security_group.hdfs.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "hdfs" {
  for_each = merge([
    for flow in module.foresite.network.flows : {
      for name, subnet in local.subnets : "${name}-${flow.port}" => { cidr = subnet.cidr, port = flow.port, what = flow.what }
      if subnet.use == flow.from
    }
  ]...)

  security_group_id = aws_security_group.hdfs.id
  cidr_ipv4         = each.value.cidr
  from_port         = each.value.port
  to_port           = each.value.port
  ip_protocol       = "tcp"
  description       = each.value.what
}

resource "aws_instance" "hdfs" {
  for_each = module.foresite.hosts

  ami                    = var.host_image
  instance_type          = var.instance_types["${each.value.vcpu}x${each.value.memory_gib}"]
  key_name               = var.host_key_name
  subnet_id              = aws_subnet.this["hdfs-${each.value.zone}"].id
  vpc_security_group_ids = [aws_security_group.hdfs.id]
  tags                   = { Name = each.value.name }

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted   = true
    volume_size = 30
  }

  lifecycle {
    # A new image of Debian must not replace a DataNode.
    ignore_changes  = [ami]
    prevent_destroy = true
  }
}

resource "aws_ebs_volume" "hdfs" {
  for_each = local.volumes

  availability_zone = each.value.zone
  size              = each.value.gib
  type              = "gp3"
  encrypted         = true
  tags              = { Name = "${module.foresite.name}-${each.key}" }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "hdfs" {
  for_each = local.volumes

  device_name = "/dev/sd${each.value.letter}"
  volume_id   = aws_ebs_volume.hdfs[each.key].id
  instance_id = aws_instance.hdfs[each.value.host].id
}

resource "aws_route53_record" "host" {
  for_each = module.foresite.hosts

  zone_id = data.aws_route53_zone.site.zone_id
  name    = "${each.key}.${var.dns_zone}"
  type    = "A"
  ttl     = module.foresite.records["${each.key}.${var.dns_zone}"].ttl_seconds
  records = [aws_instance.hdfs[each.key].private_ip]
}
