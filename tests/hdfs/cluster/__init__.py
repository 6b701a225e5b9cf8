"""A real HDFS on one machine: NameNodes, DataNodes, JournalNodes and a KDC, each its own process.

`model` says what a cluster is, `jars` fetches Hadoop, `settings` and `realm` write configuration, `daemons` starts
and signals processes, `health` asks them how they are, `lifecycle` brings a cluster up and down, `faults` breaks it,
`proxy` stands in front of a NameNode and loses messages, `cli` is the command line. Only the standard library.
"""
