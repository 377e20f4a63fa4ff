"""The local recognizer: the protocol of the cloud on 127.0.0.1, with real engines behind it.

A call comes in through `grpc_api` or `rest_api`, is let in by `auth`, answered by `service`, checked by
`requests`, kept by `operations`, worked on by `runner` and `recognition`, which listen through `workers` to
the `engines` and write with `events`. `operations` also says which server works on what when several
share a folder. Live sound goes through `streaming`. API v2 is translated at the edges: inside there is v3.

`app.serve(ServerSettings(...))` puts them together and runs until it is told to stop.
"""
