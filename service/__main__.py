"""Start the service: `python -m service`."""

import gc
import sys

if __name__ == "__main__":
    # AWS Batch cannot change the image's entry point, only what follows it.
    if sys.argv[1:2] == ["batch_prediction"]:
        from service.batch_prediction.__main__ import main as predict

        status = predict(sys.argv[2:])
    else:
        # What is imported stays: looking for garbage among it would take a tenth of the start. The
        # collector works again from when the service serves.
        gc.disable()
        from service.program import main

        status = main()
    from registry.output import finish_output

    finish_output()
    sys.exit(status)
