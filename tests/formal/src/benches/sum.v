  // LATENCY cycles after its inputs, the result is the total.
  reg signed [BITS-1:0] expected [0:LATENCY-1];
  reg [7:0] age = 8'd0;
  integer i;
  always @(posedge clock) begin
    expected[0] <= total;
    for (i = 1; i < LATENCY; i = i + 1) expected[i] <= expected[i - 1];
    if (age < AGE) age <= age + 1;
  end
  always @* if (age == AGE) assert (result == expected[LATENCY - 1]);
