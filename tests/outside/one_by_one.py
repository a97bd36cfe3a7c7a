"""An executor as a third party writes it, in one file."""

import pickle

from mae_bench.runner.executors import EXECUTORS, Executor


@EXECUTORS.register("one_by_one")
class OneByOneExecutor(Executor):
    """Sends the order to each worker in turn, as a queue of jobs would; it hears nothing."""

    def execute(self, order, emit):
        sent = pickle.dumps(order)
        for number in range(order.num_workers):
            pickle.loads(sent).work(number)
