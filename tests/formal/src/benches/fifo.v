  // The contract: no push while full, no pop while nothing stands at the head.
  always @* begin
    assume (!(push && full));
    assume (!(pop && !valid));
  end
  // The model: a shift register, oldest entry lowest.
  reg [ADDRESS:0] n;
  reg [DEPTH*BITS-1:0] queue;
  reg pushed;
  always @(posedge clock) begin
    if (reset) n <= 0; else n <= n + push - pop;
    if (pop) queue <= queue >> BITS;
    if (push) queue[BITS * (n - pop) +: BITS] <= data;
    pushed <= push && !reset;
  end
  // Where the model's entries stand in the memory: behind the one at the head, if there is one.
  genvar i;
  generate
    for (i = 0; i < DEPTH; i = i + 1) begin : entry
      wire [ADDRESS-1:0] place = read_q + i - valid;
      always @* if (!first && i >= valid && i < n) assert (words[BITS * place +: BITS] == queue[BITS * i +: BITS]);
    end
  endgenerate
  wire [ADDRESS-1:0] between = write_q - read_q;
  wire [ADDRESS-1:0] behind = n - valid;
  always @* if (!first) begin
    assert (n <= DEPTH);
    assert (between == behind);
    assert (count == n);
    assert (empty == (n == 0));
    // Two cycles from push to head.
    assert (valid ? n != 0 : n == pushed);
    assert (full == (n == DEPTH));
    if (valid) assert (head == queue[BITS-1:0]);
  end
