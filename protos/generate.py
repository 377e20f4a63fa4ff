"""Compile the .proto files of this folder into `speechkit_nb/wire/descriptors.binpb`.

    python protos/generate.py            # write it
    python protos/generate.py --check    # exit 1 if the committed file differs

The result is one `FileDescriptorSet` with imports and without comments. There is no generated code that
would have to fit the installed version of protobuf.
"""

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "speechkit_nb" / "wire" / "descriptors.binpb"


def compile_protos() -> bytes:
    """The serialized `FileDescriptorSet` of all .proto files of this folder, dependencies first."""
    import google.rpc

    well_known = files("grpc_tools") / "_proto"
    googleapis = Path(next(iter(google.rpc.__path__))).parents[1]
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        includes = [f"-I{HERE}", f"-I{well_known}", f"-I{googleapis}"]
        if protoc.main(["protoc", *includes, "--include_imports", f"-o{out}", *sources]) != 0:
            raise SystemExit("protoc found errors in the .proto files, see above")
        return make_canonical(out.read_bytes())


def make_canonical(compiled: bytes) -> bytes:
    """The same set without the parts that differ between versions of protoc (explicit JSON names)."""
    descriptor_set = FileDescriptorSet.FromString(compiled)
    for file in descriptor_set.file:
        file.ClearField("source_code_info")
        pending = list(file.message_type)
        while pending:
            message = pending.pop()
            pending.extend(message.nested_type)
            for field in message.field:
                field.ClearField("json_name")
        if file.name.startswith("google/"):
            file.ClearField("options")
    return descriptor_set.SerializeToString(deterministic=True)


def main() -> None:
    compiled = compile_protos()
    if "--check" in sys.argv:
        if TARGET.read_bytes() != compiled:
            raise SystemExit(f"{TARGET.name} differs from the .proto files: run `make protos`")
        return
    TARGET.write_bytes(compiled)
    print(f"{TARGET.relative_to(HERE.parent)}: {len(compiled)} bytes")


if __name__ == "__main__":
    main()
