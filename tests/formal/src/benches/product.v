  // One cycle after its inputs, the product is activation times weight.
  reg signed [BITS-1:0] expected;
  reg started = 1'b0;
  wire signed [7:0] weight = decode(code);
  always @(posedge clock) begin
    expected <= $signed(x) * weight;
    started <= 1'b1;
  end
  always @* if (started) assert ($signed(product) == expected);
