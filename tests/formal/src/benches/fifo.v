  // The contract: no push while full, no pop while empty.
  always @* begin
    assume (!(push && full));
    assume (!(pop && !valid));
  end
  // The model: a shift register, oldest entry lowest.
  reg [ADDRESS:0] n;
  reg [DEPTH*BITS-1:0] queue;
  always @(posedge clock) begin
    if (reset) n <= 0; else n <= n + push - pop;
    if (pop) queue <= queue >> BITS;
    if (push) queue[BITS * (n - pop) +: BITS] <= data;
  end
  // Where the model's entries stand in the memory: behind the oldest, which has a register.
  genvar i;
  generate
    for (i = 1; i < DEPTH; i = i + 1) begin : entry
      wire [ADDRESS-1:0] place = read_q + i - 1;
      always @* if (!first && i < n) assert (words[BITS * place +: BITS] == queue[BITS * i +: BITS]);
    end
  endgenerate
  wire [ADDRESS-1:0] between = write_q - read_q;
  wire [ADDRESS-1:0] behind = n - (n != 0);
  always @* if (!first) begin
    assert (n <= DEPTH);
    assert (between == behind);
    assert (count == n);
    assert (valid == (n != 0));
    assert (full == (n == DEPTH));
    if (n != 0) assert (head == queue[BITS-1:0]);
  end
