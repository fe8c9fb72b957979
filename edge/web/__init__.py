"""The edge over HTTP: who is answered with what. The only home of Starlette."""
