"""A throw-away broker for benchmarks, its topics and what is in them."""
import os, pathlib, subprocess, time

from confluent_kafka import Consumer, KafkaError, OFFSET_BEGINNING, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOOL = pathlib.Path(__file__).resolve().parents[1] / "tools/kafka.sh"


class Broker:
    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, KAFKA_OWNER=str(os.getpid()), KAFKA_JAVA_OPTS="-Xms1g -Xmx1g")

    def start(self):
        subprocess.run([TOOL, "start", self.folder], check=True, env=self.env)
        self.address = (self.folder / "bootstrap").read_text().strip()
        self.admin = AdminClient({"bootstrap.servers": self.address})

    def stop(self):
        subprocess.run([TOOL, "wipe", self.folder], env=self.env)

    def create(self, name, partitions=1):
        self.admin.create_topics([NewTopic(name, partitions, 1)])[name].result()
        while name not in self.admin.list_topics(timeout=10).topics:
            time.sleep(0.05)
        return name

    def drop(self, name):
        self.admin.delete_topics([name])[name].result()

    def consumer(self, topic, **settings):
        """At the beginning of every partition; the number of these."""
        c = Consumer({"bootstrap.servers": self.address, "group.id": "bench", "enable.auto.commit": False, "isolation.level": "read_committed",
                      "enable.partition.eof": True, **settings})
        partitions = list(c.list_topics(topic, timeout=10).topics[topic].partitions)
        c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        return c, len(partitions)

    def read(self, topic):
        """Every committed (key, value)."""
        c, left = self.consumer(topic)
        while left:
            for m in c.consume(10000, timeout=1):
                if not m.error():
                    yield m.key(), m.value()
                elif m.error().code() == KafkaError._PARTITION_EOF:
                    left -= 1
                else:
                    raise RuntimeError(m.error())
        c.close()
