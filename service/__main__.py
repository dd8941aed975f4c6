"""Start the service: `python -m service`."""

import gc
import sys

if __name__ == "__main__":
    # What is imported stays: looking for garbage among it would take a tenth of the start. The
    # collector works again from when the service serves.
    gc.disable()
    from service.program import main

    sys.exit(main())
