"""A schema registry in memory, with as much of Confluent's HTTP interface as clients of formats use: ids for schemas, versions of subjects."""
import base64, http.server, json, re, threading, urllib.parse


class Registry:
    """`url` while it runs. `credentials`: "user:password" that it wants. `away`: it answers 503. `refuse`: a word in a schema that it does not take.
    `broken`: answers to questions for schemas are something else. `references`: id: the references of its schema."""

    def __init__(self, credentials=None):
        self.schemas = {}          # id: (schema, kind)
        self.subjects = {}         # subject: [id]
        self.asked = []            # (method, path)
        self.broken, self.references = False, {}
        self.credentials, self.away, self.refuse, self.port = credentials, False, None, 0
        self.start()

    def start(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, code, body):
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.answer(*registry.serve("GET", self.path, None, self.headers))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(*registry.serve("POST", self.path, body, self.headers))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """It can be started again, at the same address."""
        self.server.shutdown()
        self.server.server_close()

    def register(self, subject, schema, kind="AVRO"):
        """Gives the schema's id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        number = next((i for i, s in self.schemas.items() if s == (text, kind)), len(self.schemas) + 1)
        self.schemas[number] = (text, kind)
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def serve(self, method, path, body, headers):
        self.asked.append((method, path))
        if self.away:
            return 503, {"error_code": 50301, "message": "away"}
        if self.credentials and headers.get("Authorization") not in ("Basic " + base64.b64encode(self.credentials.encode()).decode(), "Bearer " + self.credentials):
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if path == "/schemas/types":
            return 200, ["AVRO", "PROTOBUF"]
        if m := re.fullmatch(r"/schemas/ids/(\d+)", path):
            if int(m[1]) not in self.schemas:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            schema, kind = self.schemas[int(m[1])]
            if self.broken:
                return 200, ["hello"]
            return 200, {"schema": schema, **({"references": self.references[int(m[1])]} if int(m[1]) in self.references else {}), **({} if kind == "AVRO" else {"schemaType": kind})}
        if method == "GET" and (m := re.fullmatch(r"/subjects/([^/]+)/versions/(\d+)", path)):
            versions = self.subjects.get(urllib.parse.unquote(m[1]), [])
            if not 0 < int(m[2]) <= len(versions):
                return 404, {"error_code": 40402, "message": "Version not found"}
            number = versions[int(m[2]) - 1]
            return 200, {"id": number, "schema": self.schemas[number][0], **({"references": self.references[number]} if number in self.references else {})}
        if method == "POST" and (m := re.fullmatch(r"/subjects/([^/]+)/versions", path)):
            given = json.loads(body)
            if self.refuse and self.refuse in given["schema"]:
                return 409, {"error_code": 409, "message": "Schema being registered is incompatible with an earlier schema"}
            return 200, {"id": self.register(urllib.parse.unquote(m[1]), given["schema"], given.get("schemaType", "AVRO"))}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
